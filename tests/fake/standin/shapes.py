"""Gitea's JSON: keys and order as version 1.26 sends them."""
import datetime

NEVER = "0001-01-01T00:00:00Z"
EPOCH = "1970-01-01T00:00:00Z"
FORM = "%Y-%m-%dT%H:%M:%SZ"


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime(FORM)


def second_after(stamp):
    return (datetime.datetime.strptime(stamp, FORM) + datetime.timedelta(seconds=1)).strftime(FORM)


def user(base, number, login, full_name):
    return {"id": number, "login": login, "login_name": "", "source_id": 0, "full_name": full_name,
            "email": "%d+%s@noreply.git.example.com" % (number, login), "avatar_url": "%s/avatars/%032x" % (base, abs(number)),
            "html_url": base + "/" + login, "language": "", "is_admin": False, "last_login": NEVER, "created": "2026-01-05T07:00:00Z",
            "restricted": False, "active": False, "prohibit_login": False, "location": "", "website": "", "description": "",
            "visibility": "public", "followers_count": 0, "following_count": 0, "starred_repos_count": 0, "username": login}


def bot(base):
    return user(base, 7, "orch-bot", "Orch Bot")


def actions(base):
    return dict(user(base, -2, "gitea-actions", "Gitea Actions"), created=EPOCH, avatar_url=base + "/avatars/0")


def repository(base, repo):
    owner, name = repo.name.split("/")
    api, page = "%s/api/v1/repos/%s" % (base, repo.name), "%s/%s" % (base, repo.name)
    return {"id": repo.number, "owner": user(base, 2, owner, ""), "name": name, "full_name": repo.name, "description": "", "empty": False,
            "private": True, "fork": False, "template": False, "mirror": False, "size": 412, "language": "C",
            "languages_url": api + "/languages", "html_url": page, "url": api, "link": "",
            "ssh_url": "git@git.example.com:%s.git" % repo.name, "clone_url": page + ".git", "original_url": "", "website": "",
            "stars_count": 0, "forks_count": 0, "watchers_count": 2, "branch_count": 3, "open_issues_count": 0, "open_pr_counter": 1,
            "release_counter": 0, "default_branch": repo.default_branch, "archived": False, "created_at": "2026-01-05T07:10:00Z",
            "updated_at": now(), "archived_at": EPOCH, "permissions": {"admin": True, "push": True, "pull": True}, "has_code": True,
            "has_issues": True, "internal_tracker": {"enable_time_tracker": True, "allow_only_contributors_to_track_time": True,
                                                     "enable_issue_dependencies": True},
            "has_wiki": True, "has_pull_requests": True, "has_projects": True, "projects_mode": "all", "has_releases": True,
            "has_packages": True, "has_actions": True, "ignore_whitespace_conflicts": False, "allow_merge_commits": True,
            "allow_rebase": True, "allow_rebase_explicit": True, "allow_squash_merge": True, "allow_fast_forward_only_merge": True,
            "allow_rebase_update": True, "allow_manual_merge": False, "autodetect_manual_merge": False,
            "default_delete_branch_after_merge": False, "default_merge_style": "merge", "default_allow_maintainer_edit": False,
            "avatar_url": "", "internal": False, "mirror_interval": "", "object_format_name": "sha1", "mirror_updated": NEVER,
            "topics": [], "licenses": ["MIT"]}


def commit(base, repo, sha, files=None, verification=None):
    facts = repo.commit_facts(sha)
    who = {"name": facts["name"], "email": facts["email"], "username": ""}
    told = {"id": sha, "message": facts["message"], "url": "%s/%s/commit/%s" % (base, repo.name, sha), "author": who,
            "committer": dict(who), "verification": verification, "timestamp": facts["timestamp"]}
    for key in ("added", "removed", "modified"):
        told[key] = (files or {}).get(key, []) if files is not None else None
    return told


def push(base, repo, branch, before, after):
    shas, total = repo.commits_between(before, after)
    commits = [commit(base, repo, sha, {}) for sha in shas]
    return {"ref": "refs/heads/" + branch, "before": before, "after": after,
            "compare_url": "%s/%s/compare/%s...%s" % (base, repo.name, before, after), "commits": commits, "total_commits": total,
            "head_commit": commit(base, repo, after, {}), "repository": repository(base, repo), "pusher": bot(base), "sender": bot(base)}


def create(base, repo, branch, sha):
    return {"sha": sha, "ref": branch, "ref_type": "branch", "repository": repository(base, repo), "sender": bot(base)}


def delete(base, repo, branch):
    return {"ref": branch, "ref_type": "branch", "pusher_type": "user", "repository": repository(base, repo), "sender": bot(base)}


def branch(base, repo, name, sha):
    unsigned = {"verified": False, "reason": "gpg.error.not_signed_commit", "signature": "", "signer": None, "payload": ""}
    return {"name": name, "commit": commit(base, repo, sha, None, unsigned), "protected": False, "required_approvals": 0,
            "enable_status_check": False, "status_check_contexts": [], "user_can_push": True, "user_can_merge": True,
            "effective_branch_protection_name": ""}


def hook(number, it):
    """A webhook as the forge lists it: never its secret."""
    return {"id": number, "type": "gitea", "branch_filter": "", "config": {"content_type": it.get("content_type", "json"), "url": it["url"]},
            "events": it.get("events", ["push", "pull_request", "pull_request_sync", "status"]), "authorization_header": "",
            "active": it.get("active", True), "updated_at": "2026-03-01T08:00:00Z",
            "created_at": "2026-03-01T08:00:00Z"}


def pull(base, it):
    repo, is_merged = it["repo"], it["merge_sha"] is not None
    page = "%s/%s/pulls/%d" % (base, repo.name, it["number"])
    is_gone = repo.head(it["head"]) is None
    head_ref = "refs/pull/%d/head" % it["number"] if is_gone else it["head"]
    base_sha = repo.head(it["base"])
    return {"id": 80 + it["number"], "url": page, "number": it["number"], "user": bot(base), "title": it["title"], "body": it["body"],
            "labels": [], "milestone": None, "assignee": None, "assignees": [], "requested_reviewers": [], "requested_reviewers_teams": [],
            "state": it["state"], "draft": False, "is_locked": False, "comments": 0, "additions": 61, "deletions": 9, "changed_files": 2,
            "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch", "mergeable": True, "merged": is_merged,
            "merged_at": it["closed_at"] if is_merged else None, "merge_commit_sha": it["merge_sha"],
            "merged_by": bot(base) if is_merged else None, "allow_maintainer_edit": False,
            "base": {"label": it["base"], "ref": it["base"], "sha": base_sha, "repo_id": repo.number, "repo": repository(base, repo)},
            "head": {"label": it["head"], "ref": head_ref, "sha": it["head_sha"], "repo_id": repo.number, "repo": repository(base, repo)},
            "merge_base": base_sha, "due_date": None, "created_at": it["created_at"], "updated_at": it["updated_at"],
            "closed_at": it["closed_at"], "pin_order": 0, "content_version": 0}


def pull_event(base, action, it, told):
    return {"action": action, "number": it["number"], "pull_request": told, "requested_reviewer": None,
            "repository": repository(base, it["repo"]), "sender": bot(base), "commit_id": "", "review": None}


def status_event(base, repo, it):
    return {"commit": commit(base, repo, it["sha"], {}), "context": it["context"], "created_at": it["created_at"],
            "description": it["description"], "id": it["id"], "repository": repository(base, repo), "sender": actions(base),
            "sha": it["sha"], "state": it["state"], "target_url": it["target_url"], "updated_at": it["updated_at"]}


def status(base, repo, it):
    """In the API the key is "status"; in the delivery it is "state"."""
    return {"id": it["id"], "status": it["state"], "target_url": it["target_url"], "description": it["description"],
            "url": "%s/api/v1/repos/%s/statuses/%s" % (base, repo.name, it["sha"]), "context": it["context"], "creator": actions(base),
            "created_at": it["created_at"], "updated_at": it["updated_at"]}


def combined(base, repo, sha, statuses):
    states = {it["state"] for it in statuses}
    api = "%s/api/v1/repos/%s/commits/%s" % (base, repo.name, sha)
    if states & {"error", "failure", "warning"}:
        state = "failure"
    else:
        state = "success" if states and states <= {"success", "skipped"} else "pending"
    return {"state": state, "sha": sha, "total_count": len(statuses), "statuses": [status(base, repo, it) for it in statuses] or None,
            "repository": repository(base, repo), "commit_url": api, "url": api + "/status"}
