"""A real bare repository and what the forge does in it, with git's own plumbing."""
import os
import pathlib
import subprocess
import threading

IDENTITY = {"GIT_AUTHOR_NAME": "Forge", "GIT_AUTHOR_EMAIL": "forge@example.com", "GIT_COMMITTER_NAME": "Forge",
            "GIT_COMMITTER_EMAIL": "forge@example.com", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
FIRST_FILES = {"README.md": "# shop\n", "src/main.c": "int\nmain(void)\n{\n    return 0;\n}\n"}


class Repo:
    def __init__(self, directory, name, number):
        self.name = name
        self.number = number
        self.default_branch = "main"
        self.path = pathlib.Path(directory).resolve() / (name + ".git")
        self.clone_url = "file://%s" % self.path
        self.lock = threading.RLock()
        if not self.path.exists():
            self.path.mkdir(parents=True)
            self.git("init", "--quiet", "--bare", "--initial-branch=main", ".")
            for path, content in FIRST_FILES.items():
                self.commit(self.default_branch, path, content, "Add %s" % path)

    def git(self, *arguments, text=None, env=None, check=True):
        done = subprocess.run(["git", *arguments], cwd=self.path, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=dict(os.environ, **IDENTITY, **(env or {})), check=False)
        if check and done.returncode:
            raise RuntimeError("git %s: %s" % (" ".join(arguments), done.stderr.strip()))
        return done.stdout.strip() if check else done

    def heads(self):
        """Branch → commit, read from the files, because it is asked many times a second."""
        found = {}
        try:
            for line in (self.path / "packed-refs").read_text().splitlines():
                if " refs/heads/" in line and not line.startswith("#"):
                    sha, ref = line.split(" ", 1)
                    found[ref[len("refs/heads/"):]] = sha
        except FileNotFoundError:
            pass
        root = self.path / "refs" / "heads"
        for directory, _, files in os.walk(root):
            for file in files:
                if file.endswith(".lock"):
                    continue
                try:
                    sha = pathlib.Path(directory, file).read_text().strip()
                except FileNotFoundError:
                    continue
                if len(sha) == 40:
                    found[str(pathlib.Path(directory, file).relative_to(root))] = sha
        return found

    def head(self, branch):
        return self.heads().get(branch)

    def commit(self, branch, path, content, message):
        """Somebody commits one file on a branch; a branch that is not there begins at the default branch."""
        with self.lock:
            parent = self.head(branch) or self.head(self.default_branch)
            index = {"GIT_INDEX_FILE": str(self.path / "stand-in.index")}
            try:
                if parent:
                    self.git("read-tree", parent, env=index)
                blob = self.git("hash-object", "-w", "--stdin", text=content)
                self.git("update-index", "--add", "--cacheinfo", "100644,%s,%s" % (blob, path), env=index)
                tree = self.git("write-tree", env=index)
            finally:
                (self.path / "stand-in.index").unlink(missing_ok=True)
            made = self.git("commit-tree", tree, *(["-p", parent] if parent else []), "-m", message)
            self.git("update-ref", "refs/heads/" + branch, made)
            return made

    def merge(self, head, message):
        """A merge commit of head on the default branch; None = conflict."""
        with self.lock:
            base = self.head(self.default_branch)
            tried = self.git("merge-tree", "--write-tree", base, head, check=False)
            if tried.returncode:
                return None
            made = self.git("commit-tree", tried.stdout.split()[0], "-p", base, "-p", head, "-m", message)
            self.git("update-ref", "refs/heads/" + self.default_branch, made, base)
            return made

    def is_mergeable(self, head):
        return self.git("merge-tree", "--write-tree", self.head(self.default_branch), head, check=False).returncode == 0

    def delete_branch(self, branch):
        with self.lock:
            self.git("update-ref", "-d", "refs/heads/" + branch)

    def commit_facts(self, sha):
        try:
            message, name, mail, when = self.git("show", "-s", "--format=%B%x00%an%x00%ae%x00%cI", sha).split("\0")
        except RuntimeError:
            message, name, mail, when = "", "", "", "1970-01-01T00:00:00Z"
        return {"message": message.strip() + "\n", "name": name, "email": mail, "timestamp": when.strip()}

    def commits_between(self, before, after):
        """Newest first and cut to five, as the forge tells them; the second value is the real count."""
        span = [after] if not before or not int(before, 16) else ["%s..%s" % (before, after)]
        limit = ["--max-count=10"] if len(span[0]) == 40 else []
        shas = self.git("rev-list", *limit, *span).split()
        return shas[:5], len(shas)

    def changed_paths(self, sha):
        return self.git("diff", "--name-only", "%s...%s" % (self.default_branch, sha)).splitlines()

    def has_code(self, sha):
        return any(not path.startswith("docs/") for path in self.changed_paths(sha))
