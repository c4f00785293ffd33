"""The board: Plane's REST API v1 and the deliveries that changes cause."""
import html
import re
import time
import uuid

DEMO_STATES = [
    ("Backlog", "backlog"), ("Todo", "unstarted"), ("To Analyse", "unstarted"), ("Analysis", "started"), ("Architecture", "started"),
    ("Development", "started"), ("Review", "started"), ("Testing", "started"), ("Deploying", "started"), ("Awaiting Deploy", "started"),
    ("Monitoring after Deploy", "started"), ("Needs Input", "started"), ("Blocked", "started"), ("Approved", "started"),
    ("Rejected", "started"), ("Confirm Deploy", "started"), ("Done", "completed"), ("Cancelled", "cancelled"), ("STOP", "cancelled"),
]
MISSING = (404, {"error": "The requested resource does not exist."})
NO_RIGHT = (403, {"detail": "You do not have permission to perform this action."})
WEBHOOK = "8c2f7c1e-5f0b-4e53-9a53-0c6f0a1b2c3d"
WORKSPACE = "2b1d8a54-7a4e-4f0c-8d57-3f6f0a9e1c11"


def user(number, first, last, name):
    return {"id": "11111111-aaaa-4bbb-8ccc-%012d" % number, "first_name": first, "last_name": last, "email": name + "@example.com",
            "avatar": "", "avatar_url": None, "display_name": name}


ALICE = user(1, "Alice", "Möller", "alice")
BOT = user(2, "Orch", "Bot", "orch-bot")


def strip(text):
    return html.unescape(re.sub(r"<[^>]*>", "", text or ""))


def page(results, query):
    """The paginator's answer; the offset is counted with per_page, not with the number inside the cursor."""
    per = query.get("per_page", "1000")
    cursor = query.get("cursor", "")
    if not per.isdigit() or not 0 < int(per) <= 1000:
        return 400, {"detail": "Invalid per_page value. Cannot exceed 1000."}
    if cursor and not re.fullmatch(r"\d+:\d+:[01]", cursor):
        return 400, {"detail": "Invalid cursor parameter."}
    per, at, total = int(per), int(cursor.split(":")[1]) if cursor else 0, len(results)
    part = results[at * per:(at + 1) * per]
    return 200, {"grouped_by": None, "sub_grouped_by": None, "total_count": total, "next_cursor": "%d:%d:0" % (per, at + 1),
                 "prev_cursor": "%d:%d:1" % (per, at - 1), "next_page_results": total > (at + 1) * per, "prev_page_results": at > 0,
                 "count": len(part), "total_pages": -(-total // per), "total_results": total, "extra_stats": None, "results": part}


class Plane:
    def __init__(self, world, workspace, projects):
        self.world = world
        self.workspace = workspace
        self.projects = {}
        self.issues = {}
        self.comments = []
        self.recent = []
        for name, prefix in projects:
            made = "2026-03-01T08:00:00.000000Z"
            states = [{"id": str(uuid.uuid4()), "created_at": made, "updated_at": made, "deleted_at": None, "name": state,
                       "description": "",
                       "color": "#60646C", "slug": state.lower().replace(" ", "-"), "sequence": 15000.0 * (at + 1), "group": group,
                       "is_triage": False, "default": state == "Backlog", "external_source": None, "external_id": None,
                       "created_by": ALICE["id"], "updated_by": None} for at, (state, group) in enumerate(DEMO_STATES)]
            self.projects[name] = {"id": str(uuid.uuid4()), "name": name, "identifier": prefix, "states": states, "labels": []}
            for state in states:
                state.update(project=self.projects[name]["id"], workspace=WORKSPACE)

    # --- people -------------------------------------------------------------------------------------------------------------------

    def project_of(self, issue):
        return next(project for project in self.projects.values() if project["id"] == issue["project"])

    def state_named(self, project, name):
        return next(state for state in project["states"] if state["name"].strip().lower() == name.strip().lower())

    def create(self, title, description="", status="Backlog", project=None, labels=()):
        """A person makes an issue in the web app: one delivery "created"."""
        with self.world.lock:
            home = self.projects[project] if project else next(iter(self.projects.values()))
            now = self.world.stamp()
            number = 1 + max([issue["sequence_id"] for issue in self.issues.values() if issue["project"] == home["id"]], default=0)
            issue = {"id": str(uuid.uuid4()), "project": home["id"], "name": title,
                     "description_html": "<p>%s</p>" % html.escape(description),
                     "state": self.state_named(home, status)["id"], "labels": [self.label(home, name)["id"] for name in labels],
                     "sequence_id": number, "sort_order": 65535.0 + 10000 * number, "created_at": now, "updated_at": now,
                     "created_by": ALICE["id"], "updated_by": None, "completed_at": None}
            self.issues[issue["id"]] = issue
            self.tell_issue(issue, "created", None, None, None, ALICE)
            return dict(issue)

    def label(self, project, name):
        for label in project["labels"]:
            if label["name"] == name:
                return label
        made = self.world.stamp()
        label = {"id": str(uuid.uuid4()), "created_at": made, "updated_at": made, "deleted_at": None, "name": name, "description": "",
                 "color": "#0E8A16", "sort_order": 65535.0, "external_source": None, "external_id": None, "created_by": ALICE["id"],
                 "updated_by": None, "workspace": WORKSPACE, "project": project["id"], "parent": None}
        project["labels"].append(label)
        return label

    def move(self, issue_id, status, actor=ALICE):
        """A person drags a card: the web app sends state_id and sort_order, and that is two deliveries."""
        with self.world.lock:
            issue = self.issues[issue_id]
            state = self.state_named(self.project_of(issue), status)
            before, order = issue["state"], issue["sort_order"]
            if before == state["id"]:
                return dict(issue)
            self.change(issue, {"state": state["id"], "sort_order": order + 10000}, actor)
            self.tell_issue(issue, "updated", "state_id", state["id"], before, actor)
            self.tell_issue(issue, "updated", "sort_order", issue["sort_order"], order, actor)
            return dict(issue)

    def set_labels(self, issue_id, names):
        with self.world.lock:
            issue = self.issues[issue_id]
            before = issue["labels"]
            self.change(issue, {"labels": [self.label(self.project_of(issue), name)["id"] for name in names]}, ALICE)
            self.tell_issue(issue, "updated", "label_ids", issue["labels"], before, ALICE)
            return dict(issue)

    def say(self, issue_id, text, actor=ALICE):
        with self.world.lock:
            return self.add_comment(self.issues[issue_id], "<p>%s</p>" % html.escape(text), actor, None, None)

    def change(self, issue, fields, actor):
        issue.update(fields, updated_at=self.world.stamp(), updated_by=actor["id"])
        group = next(state["group"] for state in self.project_of(issue)["states"] if state["id"] == issue["state"])
        issue["completed_at"] = issue["updated_at"] if group == "completed" else None

    # --- deliveries ---------------------------------------------------------------------------------------------------------------

    def tell(self, event, action, data, field, new, old, actor):
        self.world.sender.plane(event, lambda: {
            "event": event, "action": action, "webhook_id": WEBHOOK, "workspace_id": WORKSPACE, "data": data(),
            "activity": {"field": field, "new_value": new, "old_value": old, "actor": actor, "old_identifier": None,
                         "new_identifier": None}})

    def tell_issue(self, issue, action, field, new, old, actor):
        self.tell("issue", action, lambda: self.webhook_issue(issue), field, new, old, actor)

    def webhook_issue(self, issue):
        with self.world.lock:
            project = self.project_of(issue)
            state = next(state for state in project["states"] if state["id"] == issue["state"])
            return {"id": issue["id"],
                    "labels": [{key: label[key] for key in ("id", "name", "color")} for label in project["labels"]
                               if label["id"] in issue["labels"]],
                    "assignees": [], "state": {key: state[key] for key in ("id", "name", "color", "group")}, "description": {},
                    "created_at": issue["created_at"], "updated_at": issue["updated_at"], "deleted_at": None, "point": None,
                    "name": issue["name"], "description_json": {}, "description_html": issue["description_html"],
                    "description_stripped": strip(issue["description_html"]) or None, "description_binary": None, "priority": "none",
                    "start_date": None, "target_date": None, "sequence_id": issue["sequence_id"], "sort_order": issue["sort_order"],
                    "completed_at": issue["completed_at"], "archived_at": None, "is_draft": False, "external_source": None,
                    "external_id": None, "created_by": issue["created_by"], "updated_by": issue["updated_by"], "project": issue["project"],
                    "workspace": WORKSPACE, "parent": None, "estimate_point": None, "type": None}

    def add_comment(self, issue, text, actor, source, external):
        now = self.world.stamp()
        comment = {"id": str(uuid.uuid4()), "created_at": now, "updated_at": now, "deleted_at": None, "comment_html": text,
                   "attachments": [], "access": "INTERNAL", "external_source": source, "external_id": external, "edited_at": None,
                   "created_by": actor["id"], "updated_by": None, "project": issue["project"], "workspace": WORKSPACE,
                   "description": str(uuid.uuid4()), "issue": issue["id"], "actor": actor["id"], "parent": None}
        self.comments.append(comment)
        self.tell("issue_comment", "created", lambda: dict(comment), None, None, None, actor)
        return dict(comment)

    # --- REST ---------------------------------------------------------------------------------------------------------------------

    def answer(self, method, path, query, headers, body):
        """path is what follows /plane. Answers (status, body[, headers])."""
        if not path.endswith("/"):
            return 301, None, {"Location": "/plane" + path + "/"}
        key = headers.get("X-API-Key")
        if key is None:
            return 401, {"detail": "Authentication credentials were not provided."}
        if key != self.world.args.plane_token:
            return 403, {"detail": "Given API token is not valid"}
        limited = self.throttle()
        if limited:
            return limited
        if path == "/api/v1/users/me/":
            return 200, BOT
        found = re.fullmatch(r"/api/v1/workspaces/([^/]+)/(projects/)?(.*)", path)
        if not found or found.group(1) != self.workspace or not found.group(2):
            return NO_RIGHT if found else MISSING
        if not found.group(3):
            return page([{key: value for key, value in project.items() if key not in ("states", "labels")}
                         for project in self.projects.values()], query)
        project_id, _, rest = found.group(3).partition("/")
        project = next((project for project in self.projects.values() if project["id"] == project_id), None)
        if project is None:
            return NO_RIGHT
        with self.world.lock:
            return self.in_project(project, method, rest, query, body)

    def throttle(self):
        limit = self.world.settings["rate_limit"]
        now = time.monotonic()
        with self.world.lock:
            self.recent = [moment for moment in self.recent if moment > now - 60]
            if limit and len(self.recent) >= limit:
                wait = int(self.recent[0] + 60 - now) + 1
                return 429, {"error_code": 5900, "error_message": "RATE_LIMIT_EXCEEDED"}, {"Retry-After": str(wait)}
            self.recent.append(now)
        return None

    def in_project(self, project, method, rest, query, body):
        if rest in ("states/", "labels/") and method == "GET":
            return page(project[rest[:-1]], query)
        found = re.fullmatch(r"(?:work-items|issues)/(?:([^/]+)/)?(comments/)?", rest)
        if not found:
            return MISSING
        if not found.group(1):
            return self.list_items(project, method, query, body)
        issue = self.issues.get(found.group(1))
        if issue is None or issue["project"] != project["id"]:
            return MISSING
        if found.group(2):
            return self.on_comments(issue, method, query, body)
        if method == "GET":
            return 200, self.rest_issue(issue)
        if method == "PATCH":
            return self.patch(project, issue, body)
        return 405, {"detail": 'Method "%s" not allowed.' % method}

    def rest_issue(self, issue):
        return {"id": issue["id"], "type_id": None, "created_at": issue["created_at"], "updated_at": issue["updated_at"],
                "deleted_at": None, "point": None, "name": issue["name"], "description_html": issue["description_html"],
                "description_binary": None, "priority": "none", "start_date": None, "target_date": None,
                "sequence_id": issue["sequence_id"],
                "sort_order": issue["sort_order"], "completed_at": issue["completed_at"], "archived_at": None, "is_draft": False,
                "external_source": None, "external_id": None, "created_by": issue["created_by"], "updated_by": issue["updated_by"],
                "project": issue["project"], "workspace": WORKSPACE, "parent": None, "state": issue["state"], "estimate_point": None,
                "type": None, "assignees": [], "labels": list(issue["labels"])}

    def list_items(self, project, method, query, body):
        if method == "POST":
            name = (body or {}).get("name")
            return (201, self.rest_issue(self.issues[self.create(name, project=project["name"])["id"]])) if name else (
                400, {"name": ["This field is required."]})
        order = query.get("order_by", "-created_at")
        items = [self.rest_issue(issue) for issue in self.issues.values() if issue["project"] == project["id"]]
        if order.lstrip("-") not in ("created_at", "updated_at", "sequence_id", "sort_order"):
            return 500, {"error": "Something went wrong please try again later"}
        items.sort(key=lambda item: item[order.lstrip("-")], reverse=order.startswith("-"))
        if "labels" in query.get("expand", "").split(","):
            for item in items:
                item["labels"] = [dict(label) for label in project["labels"] if label["id"] in item["labels"]]
        if query.get("fields"):
            items = [{key: item[key] for key in query["fields"].split(",") if key in item} for item in items]
        return page(items, query)

    def on_comments(self, issue, method, query, body):
        if method == "GET":
            return page([comment for comment in self.comments if comment["issue"] == issue["id"]], query)
        if method != "POST" or not isinstance(body, dict):
            return 405, {"detail": 'Method "%s" not allowed.' % method}
        pair = (body.get("external_source"), body.get("external_id"))
        if all(pair):
            for comment in self.comments:
                if (comment["external_source"], comment["external_id"]) == pair and comment["project"] == issue["project"]:
                    return 409, {"error": "Work item comment with the same external id and external source already exists",
                                 "id": comment["id"]}
        return 201, self.add_comment(issue, body.get("comment_html", ""), BOT, *pair)

    def patch(self, project, issue, body):
        changes = {key: value for key, value in (body or {}).items() if key in ("state", "name", "description_html", "sort_order")}
        if "state" in changes:
            try:
                uuid.UUID(str(changes["state"]))
            except ValueError:
                return 400, {"state": ["“%s” is not a valid UUID." % changes["state"]]}
            if changes["state"] not in [state["id"] for state in project["states"]]:
                others = [state["id"] for other in self.projects.values() for state in other["states"]]
                return 400, ({"non_field_errors": ["State is not valid please pass a valid state_id"]} if changes["state"] in others else
                             {"state": ['Invalid pk "%s" - object does not exist.' % changes["state"]]})
        before = {key: issue[key] for key in changes}
        self.change(issue, changes, BOT)
        for key, old in before.items():
            if old != issue[key]:
                self.tell_issue(issue, "updated", key, issue[key], old, BOT)
        return 200, self.rest_issue(issue)

    @staticmethod
    def failure(plan):
        if plan["status"] == 429:
            return 429, {"error_code": 5900, "error_message": "RATE_LIMIT_EXCEEDED"}, {"Retry-After": str(plan.get("retry_after", 1))}
        return plan["status"], {"error": "Something went wrong please try again later"}

    def issues_now(self):
        named = {state["id"]: state["name"] for project in self.projects.values() for state in project["states"]}
        return {issue["id"]: dict(issue, status=named.get(issue["state"], issue["state"])) for issue in self.issues.values()}
