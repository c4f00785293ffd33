/* agent-fake: what agents do that a stop must survive. First argument: the manner; the last one is a needle by which the tests find its
 * processes in /proc/<pid>/cmdline, whatever became of their environment, session or parent. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LIFE_S = 300,    /* a fake that a broken test forgot ends by itself */
    BORN_FD = 9,     /* open in a bare daemon until it is ready */
    LOOP_READY = 20, /* children of the loop before it says that it is ready */
    HOPPERS = 4,
    BOMB = 200 /* processes, no more */
};

static void
live(void)
{
    time_t end = time(NULL) + LIFE_S;

    while (time(NULL) < end)
        pause();
    _exit(3);
}

static void
on_alarm(int signo)
{
    (void)signo;
}

static void
ignore_term(void)
{
    signal(SIGTERM, SIG_IGN);
}

static void
spawn_daemon(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        setsid();
        ignore_term(); /* before the daemon is born: once we have returned, no SIGTERM ends it */
        if (fork() == 0)
            live();
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void
spawn_session(void)
{
    if (fork() == 0) {
        setsid();
        signal(SIGTERM, SIG_DFL);
        live();
    }
}

static void
on_term_spawn(int signo)
{
    (void)signo;
    if (fork() == 0) {
        setsid();
        ignore_term();
        live();
    }
}

static void
say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(4);
}

/* A daemon that keeps nothing by which it could be known, but its parent. Returns when it has become that and ignores SIGTERM: then it
 * closes its end of the pipe. */
static void
spawn_bare(char *file, char *needle)
{
    char *bare[] = { file, (char *)"daemon", needle, NULL };
    char *none[] = { NULL };
    int   born[2];
    char  c;

    if (pipe2(born, O_CLOEXEC))
        _exit(4);
    if (fork() == 0) {
        if (dup2(born[1], BORN_FD) == BORN_FD)
            execve(file, bare, none);
        _exit(4);
    }
    close(born[1]);
    if (read(born[0], &c, 1) != 0)
        _exit(4);
    close(born[0]);
}

static int
manner_echo(void)
{
    extern char    **environ;
    DIR             *dir = opendir("/proc/self/fd");
    struct dirent   *entry;
    struct sigaction act;
    sigset_t         mask;
    char             c;
    char            *cwd;

    for (char **v = environ; *v; v++)
        printf("env %s\n", *v);
    while ((entry = readdir(dir)))
        if (*entry->d_name != '.' && atoi(entry->d_name) != dirfd(dir))
            printf("fd %s\n", entry->d_name);
    closedir(dir);
    printf("stdin %zd\n", read(STDIN_FILENO, &c, 1));
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int signo = 1; signo < 32; signo++) {
        if (sigaction(signo, NULL, &act) == 0 && act.sa_handler == SIG_IGN)
            printf("ignored %d\n", signo);
        if (sigismember(&mask, signo))
            printf("blocked %d\n", signo);
    }
    printf("sid %d\n", getsid(0) == getpid());
    printf("pgid %d\n", getpgid(0) == getpid());
    cwd = get_current_dir_name();
    printf("cwd %s\n", cwd);
    free(cwd);
    fflush(stdout);
    fprintf(stderr, "complaint\n");
    return 0;
}

/* Forks without end, up to a breath between two children, so that the rest of the machine goes on. */
static void
manner_loop(void)
{
    time_t end = time(NULL) + LIFE_S;
    int    born = 0;

    ignore_term();
    signal(SIGCHLD, SIG_IGN);
    while (time(NULL) < end) {
        if (fork() == 0) {
            setsid();
            live();
        }
        if (++born == LOOP_READY)
            say("ready\n");
        usleep(2000);
    }
}

/* Is always one process with a new number: each is orphaned at once. */
static void
manner_comet(void)
{
    time_t end = time(NULL) + LIFE_S;

    ignore_term();
    say("ready\n");
    while (time(NULL) < end) {
        if (fork())
            _exit(0);
        setsid();
    }
}

/* Several comets at once, in sessions of their own. Each tells when it is on its way. */
static void
manner_hoppers(void)
{
    for (int i = 0; i < HOPPERS; i++)
        if (fork() == 0)
            manner_comet();
    ignore_term();
    live();
}

/* All fork as fast as they can, each child in a session of its own. A byte of the pipe is the right to one more fork. */
static void
manner_bomb(void)
{
    time_t end = time(NULL) + LIFE_S;
    int    rights[2];
    char   c = 0;

    ignore_term();
    signal(SIGCHLD, SIG_IGN);
    if (pipe2(rights, O_CLOEXEC))
        _exit(4);
    for (int i = 0; i < BOMB; i++)
        if (write(rights[1], &c, 1) != 1)
            _exit(4);
    say("ready\n");
    while (time(NULL) < end && read(rights[0], &c, 1) == 1) {
        pid_t pid = fork();

        if (pid == 0)
            setsid();
    }
    live();
}

/* Lines of 64 bytes: so many MiB of them between a first and a last one, or without end. */
static void
manner_flood(int mib)
{
    static char line[] = "this line is one of many, and nobody will miss it when it's gone\n";
    static char lines[64 * 1024];
    time_t      end = time(NULL) + LIFE_S;

    for (size_t i = 0; i < sizeof(lines); i++)
        lines[i] = line[i % 64 == 63 ? sizeof(line) - 2 : i % 64];
    for (int64_t i = 0; mib < 0 ? time(NULL) < end : i < mib * INT64_C(16); i++)
        if (write(STDOUT_FILENO, lines, sizeof(lines)) < 0)
            _exit(4);
}

int
main(int argc, char **argv)
{
    const char *manner = argc > 1 ? argv[1] : "";

    signal(SIGALRM, on_alarm);
    alarm(LIFE_S);
    if (!strcmp(manner, "echo"))
        return manner_echo();
    if (!strcmp(manner, "exit"))
        return atoi(argv[2]);
    if (!strcmp(manner, "flood")) {
        say("the first line\n");
        manner_flood(atoi(argv[2]));
        say("the last line\n");
        return 0;
    }
    if (!strcmp(manner, "endless")) {
        ignore_term();
        say("ready\n");
        manner_flood(-1);
    }
    if (!strcmp(manner, "leave")) { /* ends, and leaves two behind */
        spawn_daemon();
        spawn_session();
        return 0;
    }
    if (!strcmp(manner, "trap")) { /* TC-02b */
        ignore_term();
        spawn_daemon();
        if (fork() == 0)
            live();
        say("ready\n");
        wait(NULL);
        live();
    }
    if (!strcmp(manner, "tools")) { /* TC-02d */
        spawn_session();
        spawn_session();
        signal(SIGTERM, on_term_spawn);
        say("ready\n");
        live();
    }
    if (!strcmp(manner, "sleep")) {
        say("ready\n");
        live();
    }
    if (!strcmp(manner, "until")) { /* somebody sends SIGUSR1 */
        sigset_t awaited;
        int      signo;

        sigemptyset(&awaited);
        sigaddset(&awaited, SIGUSR1);
        sigprocmask(SIG_BLOCK, &awaited, NULL);
        say("ready\n");
        return sigwait(&awaited, &signo) ? 4 : 7;
    }
    if (!strcmp(manner, "frozen")) {
        if (fork() == 0) {
            kill(getppid(), SIGSTOP);
            say("ready\n");
            _exit(0);
        }
        live();
    }
    if (!strcmp(manner, "clear")) {
        spawn_bare(argv[0], argv[argc - 1]);
        say("ready\n");
        live();
    }
    if (!strcmp(manner, "daemon")) {
        setsid();
        ignore_term();
        close(BORN_FD);
        live();
    }
    if (!strcmp(manner, "loop"))
        manner_loop();
    if (!strcmp(manner, "comet"))
        manner_comet();
    if (!strcmp(manner, "hoppers"))
        manner_hoppers();
    if (!strcmp(manner, "bomb"))
        manner_bomb();
    return 2;
}
