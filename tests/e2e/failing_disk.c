/*
 * Stands between the program and its disk (LD_PRELOAD): lets chosen calls on files of the data
 * folder fail, fall short, or take their time, as a disk that dies does.
 *
 * DISK_FAULTS_ROOT is the folder; nothing outside of it is touched. DISK_FAULTS_RULES names a file
 * with one rule a line, read anew whenever it was replaced:
 *
 *     CALL PART SKIP TIMES ACTION [NUMBER]
 *     sync journal/ 0 1 lose
 *
 * CALL is write, sync (fsync and fdatasync), truncate, open, rename, link or remove; PART must be in
 * the path (for rename and link in the new one), whose end is marked by a `$`, the folder's own by `/$`; the first SKIP such
 * calls are let through and the TIMES after them are hit. ACTION is the number of an error; or `short` (of a write only NUMBER
 * bytes are done); `wait` (NUMBER milliseconds, or until the rules are replaced); `lose` (the sync
 * fails, and what was written since the last one is gone, as when the kernel drops its pages).
 * What was hit is told in DISK_FAULTS_LOG, one line each.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct rule {
  char call[16], part[256], action[16];
  long skip, times, number, seen;
};

static struct rule rules[32];
static int rule_count;
static ino_t rules_ino;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

/* Sizes at the last good sync, by inode: few files are ever synced. */
static struct { ino_t ino; off_t size; } synced[4096];

#define REAL(name, ...) ({ \
  static __typeof__(&name) real; \
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name); \
  real(__VA_ARGS__); \
})

static ino_t rules_now(void) {
  struct stat st;
  const char *path = getenv("DISK_FAULTS_RULES");
  return path && stat(path, &st) == 0 ? st.st_ino : 0;
}

static void load_rules(void) {
  ino_t ino = rules_now();
  if (ino == rules_ino) return;
  rules_ino = ino;
  rule_count = 0;
  char text[8192];
  int fd = syscall(SYS_openat, AT_FDCWD, getenv("DISK_FAULTS_RULES"), O_RDONLY, 0);
  if (fd < 0) return;
  ssize_t length = syscall(SYS_read, fd, text, sizeof text - 1);
  syscall(SYS_close, fd);
  text[length < 0 ? 0 : length] = 0;
  char *rest = text;
  for (char *line; rule_count < 32 && (line = strsep(&rest, "\n"));) {
    struct rule *r = &rules[rule_count];
    memset(r, 0, sizeof *r);
    if (sscanf(line, "%15s %255s %ld %ld %15s %ld", r->call, r->part, &r->skip, &r->times,
               r->action, &r->number) >= 5) rule_count++;
  }
}

static void tell(const char *call, const char *action, const char *path) {
  char line[4400];
  int n = snprintf(line, sizeof line, "%s %s %s\n", call, action, path);
  int fd = syscall(SYS_openat, AT_FDCWD, getenv("DISK_FAULTS_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0) return;
  syscall(SYS_write, fd, line, n);
  syscall(SYS_close, fd);
}

static void wait_ms(long ms, ino_t while_rules) {
  struct timespec step = { 0, 1000000 };
  struct timespec begun, now;
  clock_gettime(CLOCK_MONOTONIC, &begun);
  do {
    nanosleep(&step, NULL);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 < ms &&
           rules_now() == while_rules);
}

/* The rule that hits this call, copied; 0 where none does. */
static int hit(const char *call, const char *path, struct rule *found) {
  const char *root = getenv("DISK_FAULTS_ROOT");
  char marked[4100];
  int is_hit = 0;
  if (!root || strncmp(path, root, strlen(root)) != 0) return 0;
  int kept = errno;
  snprintf(marked, sizeof marked, strcmp(path, root) == 0 ? "%s/$" : "%s$", path);
  pthread_mutex_lock(&guard);
  load_rules();
  for (int i = 0; i < rule_count && !is_hit; i++) {
    struct rule *r = &rules[i];
    if (strcmp(r->call, call) != 0 || !strstr(marked, r->part)) continue;
    long n = r->seen++;
    if (n < r->skip || n >= r->skip + r->times) continue;
    *found = *r;
    is_hit = 1;
  }
  ino_t at = rules_ino;
  pthread_mutex_unlock(&guard);
  if (is_hit) tell(call, found->action, path);
  if (is_hit && strcmp(found->action, "wait") == 0) {
    wait_ms(found->number, at);
    is_hit = 0;
  }
  errno = kept;
  return is_hit;
}

static int hit_file(const char *call, int fd, struct rule *found) {
  char link[64], path[4097];
  int kept = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  errno = kept;
  if (n <= 0) return 0;
  path[n] = 0;
  return hit(call, path, found);
}

static int fail(const struct rule *r) {
  errno = atoi(r->action) ? atoi(r->action) : EIO;
  return -1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  struct rule r;
  if (hit_file("write", fd, &r)) {
    if (strcmp(r.action, "short") != 0) return fail(&r);
    if (count > (size_t)r.number) count = r.number;
  }
  return REAL(write, fd, bytes, count);
}

/* Where the size of this file is kept; without `may_add`, 0 where none is known. */
static off_t *synced_size(ino_t ino, int may_add) {
  for (unsigned i = ino % 4096, tries = 0; tries < 4096; i = (i + 1) % 4096, tries++) {
    if (synced[i].ino == 0 && !may_add) return NULL;
    if (synced[i].ino == 0) synced[i].ino = ino;
    if (synced[i].ino == ino) return &synced[i].size;
  }
  abort();
}

/* Zeroes what this process wrote since the last good sync: the file keeps its length. */
static void lose(int fd, const struct stat *st) {
  off_t *known = synced_size(st->st_ino, 0);
  if (!known) return;
  char name[64], zeros[4096] = { 0 };
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  int again = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY, 0);
  if (again < 0) abort();
  for (off_t at = *known; at < st->st_size;) {
    size_t left = st->st_size - at;
    ssize_t done = syscall(SYS_pwrite64, again, zeros, left < sizeof zeros ? left : sizeof zeros, at);
    if (done <= 0) abort();
    at += done;
  }
  syscall(SYS_close, again);
}

static int do_sync(int fd, int is_data) {
  struct rule r;
  struct stat st;
  int is_hit = hit_file("sync", fd, &r);
  int is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  if (is_hit) {
    pthread_mutex_lock(&guard);
    if (is_file && strcmp(r.action, "lose") == 0) lose(fd, &st);
    pthread_mutex_unlock(&guard);
    return fail(&r);
  }
  int result = is_data ? REAL(fdatasync, fd) : REAL(fsync, fd);
  if (result == 0 && is_file) {
    pthread_mutex_lock(&guard);
    *synced_size(st.st_ino, 1) = st.st_size;
    pthread_mutex_unlock(&guard);
  }
  return result;
}

int fsync(int fd) { return do_sync(fd, 0); }
int fdatasync(int fd) { return do_sync(fd, 1); }

static int do_truncate(int fd, off_t size) {
  struct rule r;
  struct stat st;
  if (hit_file("truncate", fd, &r)) return fail(&r);
  int result = REAL(ftruncate64, fd, size);
  if (result == 0 && fstat(fd, &st) == 0) {
    pthread_mutex_lock(&guard);
    off_t *known = synced_size(st.st_ino, 0);
    if (known && *known > size) *known = size;
    pthread_mutex_unlock(&guard);
  }
  return result;
}

int ftruncate64(int fd, off64_t size) { return do_truncate(fd, size); }
int ftruncate(int fd, off_t size) { return do_truncate(fd, size); }

int open64(const char *path, int flags, ...) {
  struct rule r;
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  if (hit("open", path, &r)) return fail(&r);
  int fd = REAL(open64, path, flags, mode);
  struct stat st;
  if (fd >= 0 && (flags & O_EXCL) && fstat(fd, &st) == 0) {
    pthread_mutex_lock(&guard);
    *synced_size(st.st_ino, 1) = 0; /* The number may have been another file's. */
    pthread_mutex_unlock(&guard);
  }
  return fd;
}

int rename(const char *from, const char *to) {
  struct rule r;
  return hit("rename", to, &r) ? fail(&r) : REAL(rename, from, to);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
  struct rule r;
  return hit("link", to, &r) ? fail(&r) : REAL(linkat, from_dir, from, to_dir, to, flags);
}

int unlink(const char *path) {
  struct rule r;
  return hit("remove", path, &r) ? fail(&r) : REAL(unlink, path);
}
