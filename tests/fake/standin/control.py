"""What tests and the quickstart ask of the stand-in: acts of people on the board and the forge, and misfortunes."""


def target(world, order):
    """Where webhooks go."""
    world.target = order["url"].rstrip("/")
    return {"target": world.target}


def settings(world, order):
    unknown = set(order) - set(world.settings)
    if unknown:
        raise KeyError("unknown settings: %s" % ", ".join(sorted(unknown)))
    world.settings.update(order)
    return world.settings


def issue(world, order):
    return world.plane.create(order["title"], order.get("description", ""), order.get("status", "Backlog"), order.get("project"),
                              order.get("labels", ()))


def move(world, order):
    return world.plane.move(order["issue"], order["status"])


def comment(world, order):
    return world.plane.say(order["issue"], order["text"])


def labels(world, order):
    return world.plane.set_labels(order["issue"], order["labels"])


def rename_status(world, order):
    """A person renames a status in the board's settings; no delivery tells of it."""
    for project in world.plane.projects.values():
        world.plane.state_named(project, order["from"])["name"] = order["to"]
    return {}


def remove_status(world, order):
    for project in world.plane.projects.values():
        project["states"].remove(world.plane.state_named(project, order["status"]))
    return {}


def regroup_status(world, order):
    for project in world.plane.projects.values():
        world.plane.state_named(project, order["status"])["group"] = order["group"]
    return {}


def hooks(world, order):
    """The webhooks that the forge lists for a repository: each a url, active, events and content_type, or their good defaults."""
    world.gitea.hooks[order["repo"]] = order["hooks"]
    return {}


def commit(world, order):
    """Somebody pushes one file to a branch."""
    repo = world.gitea.repos[order["repo"]]
    return {"sha": repo.commit(order["branch"], order["path"], order["content"], order.get("message", "Change"))}


def status(world, order):
    repo = world.gitea.repos[order["repo"]]
    return world.gitea.set_status(repo, order["sha"], order["state"], order.get("context", "CI / build (pull_request)"))


def fail(world, order):
    """The next times requests of a peer whose "METHOD path" holds match fail: status (429 with retry_after), or without one the
    connection just closes (with after: when the request has been carried out); raw: these bytes are the answer, with headers if any;
    drip_ms: a byte now and then, without end; hang_ms first."""
    world.failures.append(dict({"times": 1, "match": ""}, **order))
    return {"failures": len(world.failures)}


def heal(world, order):
    world.failures.clear()
    return {}


def resend(world, order):
    world.sender.resend(order["n"], order.get("same_id", False))
    return {}


def forget_message(world, order):
    for message in world.telegram.messages:
        if message["message_id"] == order["message_id"]:
            message["is_deleted"] = True
    return {}


def settle(world, order):
    return {"is_settled": world.sender.settle(order.get("seconds", 15))}


ORDERS = {"target": target, "set": settings, "issue": issue, "move": move, "comment": comment, "labels": labels, "commit": commit,
          "rename_status": rename_status, "remove_status": remove_status, "regroup_status": regroup_status,
          "hooks": hooks, "status": status, "fail": fail, "heal": heal, "resend": resend, "forget_message": forget_message, "settle": settle}
# These wait; holding the lock would stop the world that they wait for.
UNLOCKED = {"settle"}


def obey(world, name, order):
    if name not in ORDERS:
        return 404, {"error": "accepted are: %s" % ", ".join(sorted(ORDERS))}
    try:
        if name in UNLOCKED:
            return 200, ORDERS[name](world, order)
        with world.lock:
            return 200, ORDERS[name](world, order)
    except (KeyError, ValueError, StopIteration, RuntimeError) as error:
        return 400, {"error": "%s: %r" % (name, error)}
