/* Makes every flush take 4 ms longer, as an SD card's does, for whatever program it is loaded into:
 *   cc -shared -fPIC -O2 -o slow-flush.so slow-flush.c
 *   LD_PRELOAD=$PWD/slow-flush.so stores-bench --quick FOLDER
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void flush_of_a_card(void)
{
	struct timespec time = { 0, 4000000 };
	nanosleep(&time, 0);
}

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	int result = real(fd);
	flush_of_a_card();
	return result;
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	int result = real(fd);
	flush_of_a_card();
	return result;
}
