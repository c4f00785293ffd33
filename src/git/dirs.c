/* Directories: made and removed whole. What agents leave is removed whatever its permissions; symbolic links are removed, not followed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "git/git_int.h"

enum { DIR_MODE = 0750, OWNER_ALL = 0700 };

int
make_dirs(const char *path, struct err *e)
{
    char *copy = xstrdup(path);
    for (char *p = copy + 1; !e->code; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char kept = *p;
        *p = '\0';
        if (mkdir(copy, DIR_MODE) && errno != EEXIST)
            err_set(e, ERR_RETRY, "could not make directory \"%s\": %s", copy, strerror(errno));
        if (kept == '\0')
            break;
        *p = kept;
    }
    free(copy);
    return e->code;
}

static int remove_at(int parent, const char *name);

/* Each level holds one descriptor, so the depth of a tree is bounded by their limit; paths may be of any length. */
static int
remove_entries(int parent, const char *name)
{
    DIR           *dir = NULL;
    struct dirent *entry;
    int            failed = 0;
    int            fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || !(dir = fdopendir(fd))) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        errno = why;
        return -1;
    }
    while (!failed && (entry = readdir(dir)))
        if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
            failed = remove_at(fd, entry->d_name);
    int why = errno;
    closedir(dir);
    errno = why;
    return failed;
}

static int
remove_at(int parent, const char *name)
{
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : -1;
    if (!S_ISDIR(st.st_mode))
        return unlinkat(parent, name, 0) && errno != ENOENT ? -1 : 0;
    /* Module caches and the like make their directories read-only. */
    if ((st.st_mode & OWNER_ALL) != OWNER_ALL && fchmodat(parent, name, OWNER_ALL, 0))
        return -1;
    if (remove_entries(parent, name))
        return -1;
    return unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT ? -1 : 0;
}

int
remove_tree(const char *path, struct err *e)
{
    if (remove_at(AT_FDCWD, path))
        err_set(e, ERR_RETRY, "could not remove \"%s\": %s", path, strerror(errno));
    return e->code;
}
