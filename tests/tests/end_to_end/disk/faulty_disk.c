/* Preloaded into the gateway: a disk that fails when a test says so.
 *
 * FAULTY_FOLDER names the folder whose files fail, FAULTY_ORDER a file that says how: an errno, and whether every change
 * ("all") or only what makes changes durable ("sync") fails. Without that file the disk works. The file is read by system
 * calls of its own, so that nothing here calls itself. There is no io_uring: what goes that way can't be made to fail here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* The system's own, for here and for those whose calls are let through. */
static long call(long number, long a, long b, long c, long d, long e, long f) {
    static long (*real)(long, ...);
    if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real(number, a, b, c, d, e, f);
}

long syscall(long number, ...) {
    va_list rest;
    va_start(rest, number);
    long a = va_arg(rest, long), b = va_arg(rest, long), c = va_arg(rest, long);
    long d = va_arg(rest, long), e = va_arg(rest, long), f = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_io_uring_setup) {
        errno = ENOSYS;
        return -1;
    }
    return call(number, a, b, c, d, e, f);
}

static int order(int is_sync) {
    const char *path = getenv("FAULTY_ORDER");
    char text[32] = {0};
    int saved = errno, fd = path ? (int)call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0) : -1;
    if (fd >= 0) {
        call(SYS_read, fd, (long)text, sizeof text - 1, 0, 0, 0);
        call(SYS_close, fd, 0, 0, 0, 0, 0);
    }
    errno = saved;
    int number = atoi(text);
    return number && (is_sync || strstr(text, "all")) ? number : 0;
}

static int is_ours(const char *path) {
    const char *folder = getenv("FAULTY_FOLDER");
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

static int fails_path(const char *path) { return is_ours(path) ? order(0) : 0; }

static int fails(int fd, int is_sync) {
    char link[64], path[4096] = {0};
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int saved = errno;
    long length = call(SYS_readlinkat, AT_FDCWD, (long)link, (long)path, sizeof path - 1, 0, 0);
    errno = saved;
    return length > 0 && is_ours(path) ? order(is_sync) : 0;
}

#define OR_FAIL(condition) \
    do { \
        int number = (condition); \
        if (number) { errno = number; return -1; } \
    } while (0)
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    OR_FAIL(fails(fd, 0));
    return NEXT(pwrite64)(fd, bytes, count, at);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    OR_FAIL(fails(fd, 0));
    return NEXT(write)(fd, bytes, count);
}

int fdatasync(int fd) {
    OR_FAIL(fails(fd, 1));
    return NEXT(fdatasync)(fd);
}

int fsync(int fd) {
    OR_FAIL(fails(fd, 1));
    return NEXT(fsync)(fd);
}

int rename(const char *from, const char *to) {
    OR_FAIL(fails_path(to));
    return NEXT(rename)(from, to);
}

int unlink(const char *path) {
    OR_FAIL(fails_path(path));
    return NEXT(unlink)(path);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (flags & (O_CREAT | O_TRUNC)) OR_FAIL(fails_path(path));
    return NEXT(open64)(path, flags, mode);
}
