/* A Raspberry Pi that isn't there, for rppal: preloaded into a process, it leads what a Pi has to files and a socket in
 * the folder $FAKE_PI, and answers what the kernel's GPIO driver is asked. Edges come from whoever listens on the socket. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char *lead(const char *path, char *to, size_t size) {
    static const char *const ours[] = {"/proc/cpuinfo", "/dev/gpiomem", "/dev/gpiochip0"};
    const char *folder = getenv("FAKE_PI");
    for (size_t i = 0; folder && i < sizeof ours / sizeof *ours; i++) {
        if (!strcmp(path, ours[i])) {
            snprintf(to, size, "%s/%s", folder, strrchr(path, '/') + 1);
            return to;
        }
    }
    return path;
}

#define LEAD_OPEN(name)                                                                                                \
    int name(const char *path, int flags, ...) {                                                                       \
        static int (*real)(const char *, int, ...);                                                                    \
        char to[512];                                                                                                  \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        int mode = va_arg(more, int);                                                                                  \
        va_end(more);                                                                                                  \
        if (!real) real = dlsym(RTLD_NEXT, #name);                                                                     \
        return real(lead(path, to, sizeof to), flags, mode);                                                           \
    }
LEAD_OPEN(open)
LEAD_OPEN(open64)

/* The line's events come over a socket that says first which line it is for. */
static int give_line(struct gpio_v2_line_request *request) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/events", getenv("FAKE_PI"));
    int line = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connect(line, (void *)&at, sizeof at) || send(line, request->offsets, 4, 0) != 4) return -1;
    request->fd = line;
    return 0;
}

int ioctl(int fd, unsigned long what, ...) {
    static int (*real)(int, unsigned long, ...);
    va_list more;
    va_start(more, what);
    void *about = va_arg(more, void *);
    va_end(more);
    if (what == GPIO_GET_CHIPINFO_IOCTL) {
        struct gpiochip_info *chip = about;
        memset(chip, 0, sizeof *chip);
        strcpy(chip->name, "gpiochip0");
        strcpy(chip->label, "pinctrl-bcm2711");
        chip->lines = 58;
        return 0;
    }
    if (what == GPIO_V2_GET_LINE_IOCTL) return give_line(about);
    if (!real) real = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, what, about);
}
