/* spawn: from the spec of an agent to its warden's process: which program, with which words, environment and descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_int.h"
#include "agent/journal.h"
#include "agent/tree.h"
#include "agent/warden.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"

enum { LOG_MODE = 0640 };

static char warden_file[PATH_MAX];

static bool
try_warden(const char *dir, const char *below, char *out)
{
    char path[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", dir, below);
    if (access(path, X_OK) || !realpath(path, out))
        return false;
    return true;
}

int
spawn_find_warden(const char *path, struct err *e)
{
    char    dir[PATH_MAX] = "";
    ssize_t len;

    if (path && *path) {
        if (access(path, X_OK) || !realpath(path, warden_file))
            err_set(e, ERR_INVALID, "cannot execute warden \"%s\": %s", path, strerror(errno));
    } else if ((len = readlink("/proc/self/exe", dir, sizeof(dir) - 1)) <= 0) {
        err_set(e, ERR_BUG, "could not read /proc/self/exe: %s", strerror(errno));
    } else {
        dir[len] = 0;
        *(strrchr(dir, '/')) = 0;
        if (!try_warden(dir, "orchd-warden", warden_file) && !try_warden(dir, "../libexec/orchd/orchd-warden", warden_file))
            err_set(e, ERR_INVALID, "cannot find orchd-warden, neither in \"%s\" nor in \"%s/../libexec/orchd\"; set ORCH_WARDEN", dir,
                    dir);
    }
    return e->code;
}

static int
check_command(const char *command, const char *path, const char *cwd, char *file, size_t size, struct err *e)
{
    int why = tree_find_command(command, path, cwd, file, size);

    if (why && command && strchr(command, '/'))
        err_set(e, ERR_INVALID, "cannot execute command \"%s\": %s; correct the path, or make it an executable file", command,
                strerror(why));
    else if (why)
        err_set(e, ERR_INVALID, "cannot execute command \"%s\": %s; install it, or write its absolute path (PATH is \"%s\")",
                command ? command : "", why == ENOENT ? "not found in PATH" : strerror(why), path ? path : "");
    return e->code;
}

int
agent_check_command(const char *command, const char *path, struct err *e)
{
    char file[PATH_MAX];

    /* A path below the worktree can only be looked at when there is one. */
    if (command && *command != '/' && strchr(command, '/'))
        return e->code;
    return check_command(command, path, "/", file, sizeof(file), e);
}

static const char *
find_env(const char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

/* The warden's argv: its own words, then the command's. */
static const char **
warden_argv(const struct agent_spec *spec, const char *file, const char *cage, char *grace, char *lease, char *log_max, char *limits)
{
    size_t       count = 0;
    const char **argv;

    while (spec->argv[count])
        count++;
    argv = xcalloc(count + WARDEN_ARG_COMMAND + 1, sizeof(*argv));
    argv[0] = "orchd-warden";
    argv[WARDEN_ARG_LAYOUT] = WARDEN_LAYOUT;
    argv[WARDEN_ARG_GRACE] = grace;
    argv[WARDEN_ARG_LEASE] = lease;
    argv[WARDEN_ARG_CAGE] = cage ? cage : "";
    argv[WARDEN_ARG_LOG] = spec->log_path;
    argv[WARDEN_ARG_LOG_MAX] = log_max;
    argv[WARDEN_ARG_LIMITS] = limits;
    argv[WARDEN_ARG_CWD] = spec->cwd;
    argv[WARDEN_ARG_FILE] = file;
    memcpy(argv + WARDEN_ARG_COMMAND, spec->argv, count * sizeof(*argv));
    return argv;
}

/* The marker first, where a sweep finds it soonest. */
static const char **
warden_env(const struct agent_spec *spec)
{
    size_t       count = 0;
    size_t       used = 0;
    const char **env;

    while (spec->env && spec->env[count])
        count++;
    env = xcalloc(count + 2, sizeof(*env));
    if (spec->marker)
        env[used++] = spec->marker;
    if (count)
        memcpy(env + used, spec->env, count * sizeof(*env));
    return env;
}

/* posix_spawn() shares our memory until the exec, so its cost does not grow with orchd. 0 or an errno. */
static int
execute(pid_t *pid, const struct agent_spec *spec, const char *file, const char *cage, int log, int control)
{
    char                       grace[32];
    char                       lease[32];
    char                       log_max[32];
    char                       limits[128];
    const char               **argv = NULL;
    const char               **env = NULL;
    sigset_t                   all, none;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t          attr;
    int                        why;

    snprintf(grace, sizeof(grace), "%lld", (long long)spec->grace_ms);
    snprintf(lease, sizeof(lease), "%lld", (long long)(spec->journal ? clock_boot_ms() + spec->timeout_ms : spec->lease_until_ms));
    snprintf(log_max, sizeof(log_max), "%lld", (long long)spec->log_max);
    snprintf(limits, sizeof(limits), "%lld %lld %lld %lld %lld", (long long)spec->limits.memory, (long long)spec->limits.open_files,
             (long long)spec->limits.processes, (long long)spec->limits.cpu_s, (long long)spec->limits.core);
    argv = warden_argv(spec, file, cage, grace, lease, log_max, limits);
    env = warden_env(spec);
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, log, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, log, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&files, control, WARDEN_FD);
    posix_spawn_file_actions_addclosefrom_np(&files, WARDEN_FD + 1);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    why = posix_spawn(pid, warden_file, &files, &attr, (char *const *)argv, (char *const *)env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    free(argv);
    free(env);
    return why;
}

/* A descriptor above those that the spawn hands out, so that none of them is overwritten before it was duplicated. */
static int
lift(int fd)
{
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, WARDEN_FD + 1);

    if (fd >= 0)
        close(fd);
    return high;
}

/* Our end and the warden's: of a socket, or two descriptors of the journal, of which only the warden's has the lock. */
static int
open_channel(const struct agent_spec *spec, int ends[2], struct err *e)
{
    if (!spec->journal && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        err_set(e, ERR_RETRY, "could not make a socket: %s", strerror(errno));
    else if (spec->journal && ((ends[1] = journal_create(spec->journal)) < 0 || (ends[0] = open(spec->journal, O_RDONLY | O_CLOEXEC)) < 0))
        err_set(e, ERR_RETRY, "could not make the journal \"%s\": %s", spec->journal, strerror(errno));
    else if ((ends[1] = lift(ends[1])) < 0)
        err_set(e, ERR_RETRY, "could not hand the warden its end: %s", strerror(errno));
    return e->code;
}

static int
open_all(const struct agent_spec *spec, char *file, size_t size, int *log, int ends[2], struct err *e)
{
    struct stat st;

    CHECK(*warden_file); /* agent_init() comes first */
    if (stat(spec->cwd, &st))
        err_set(e, ERR_INVALID, "cannot run in directory \"%s\": %s", spec->cwd, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        err_set(e, ERR_INVALID, "cannot run in directory \"%s\": %s", spec->cwd, strerror(ENOTDIR));
    else if (check_command(spec->argv[0], find_env(spec->env, "PATH"), spec->cwd, file, size, e))
        return e->code;
    else if ((*log = lift(open(spec->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE))) < 0)
        err_set(e, ERR_RETRY, "could not open log \"%s\": %s", spec->log_path, strerror(errno));
    else
        open_channel(spec, ends, e);
    return e->code;
}

int
spawn_warden(pid_t *pid, int *control, const struct agent_spec *spec, const char *cage, struct err *e)
{
    char file[PATH_MAX];
    int  log = -1;
    int  ends[2] = { -1, -1 };
    int  why;

    if (open_all(spec, file, sizeof(file), &log, ends, e))
        goto out;
    why = execute(pid, spec, file, cage, log, ends[1]);
    if (why) {
        /* E2BIG is the job's own fault and stays; what else fails here is a shortage of this machine. */
        err_set(e, why == E2BIG ? ERR_INVALID : ERR_RETRY, "could not start the warden of \"%s\": %s", spec->argv[0], strerror(why));
        goto out;
    }
    *control = ends[0];
    ends[0] = -1;
out:
    if (log >= 0)
        close(log);
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    return e->code;
}
