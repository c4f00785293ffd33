"""The messenger: sendMessage and editMessageText of the Bot API."""
import re
import time

BASE_ID = 500
KNOWN_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "blockquote", "tg-spoiler", "span"}
NOT_MODIFIED = ("message is not modified: specified new message content and reply markup are exactly the same as a current content and "
                "reply markup of the message")


def refusal(status, text, **parameters):
    body = {"ok": False, "error_code": status, "description": text}
    if parameters:
        body["parameters"] = parameters
    return status, body


def plain(text):
    """The text without its tags, as the messenger stores it; a tag or an ampersand that it does not know raises."""
    for tag in re.findall(r"</?([A-Za-z0-9-]+)", text):
        if tag.lower() not in KNOWN_TAGS:
            raise ValueError('Unsupported start tag "%s" at byte offset 0' % tag)
    if re.search(r"<(?![A-Za-z/])", text):
        raise ValueError('Unsupported start tag "" at byte offset 0')
    bare = re.sub(r"<[^>]*>", "", text)
    return bare.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


class Telegram:
    def __init__(self, world):
        self.world = world
        self.messages = []
        self.recent = []

    def answer(self, method, path, query, headers, body):
        """path is what follows /telegram. Answers (status, body)."""
        found = re.fullmatch(r"/bot([^/]+)/([A-Za-z]+)", path)
        if not found:
            return refusal(404, "Not Found")
        if found.group(1) != self.world.args.telegram_token:
            return refusal(401, "Unauthorized")
        verb = found.group(2).lower()
        if not isinstance(body, dict) or verb not in ("sendmessage", "editmessagetext"):
            return refusal(404, "Not Found")
        if not body.get("chat_id"):
            return refusal(400, "Bad Request: chat_id is empty")
        text = body.get("text") or ""
        try:
            shown = plain(text) if str(body.get("parse_mode", "")).lower() == "html" else text
        except ValueError as error:
            return refusal(400, "Bad Request: can't parse entities: %s" % error)
        if not shown:
            return refusal(400, "Bad Request: message text is empty")
        if len(shown) > 4096:
            return refusal(400, "Bad Request: message is too long")
        with self.world.lock:
            wait = self.throttle()
            if wait:
                return (*refusal(429, "Too Many Requests: retry after %d" % wait, retry_after=wait), {"Retry-After": str(wait)})
            return self.send(body, text, shown) if verb == "sendmessage" else self.edit(body, text, shown)

    def throttle(self):
        """Seconds to wait, when the chat has had its share: edits count too."""
        limit, window, now = self.world.settings["chat_limit"], self.world.settings["chat_window"], time.monotonic()
        self.recent = [moment for moment in self.recent if moment > now - window]
        if limit and len(self.recent) >= limit:
            return int(self.recent[0] + window - now) + 1
        self.recent.append(now)
        return 0

    def send(self, body, text, shown):
        message = {"message_id": BASE_ID + len(self.messages) + 1, "chat_id": body["chat_id"], "raw": text, "text": shown, "edits": 0,
                   "is_deleted": False}
        self.messages.append(message)
        return 200, self.told(message)

    def edit(self, body, text, shown):
        found = [m for m in self.messages if m["message_id"] == int(body.get("message_id") or 0) and not m["is_deleted"]]
        if not found:
            return refusal(400, "Bad Request: message to edit not found")
        if found[0]["raw"] == text:
            return refusal(400, "Bad Request: " + NOT_MODIFIED)
        found[0].update(raw=text, text=shown, edits=found[0]["edits"] + 1)
        return 200, self.told(found[0])

    @staticmethod
    def told(message):
        return {"ok": True, "result": {
            "message_id": message["message_id"],
            "from": {"id": 700000001, "is_bot": True, "first_name": "Orch", "username": "orch_example_bot"},
            "chat": {"id": message["chat_id"], "title": "Builds", "type": "supergroup"}, "date": int(time.time()), "text": message["text"]}}

    @staticmethod
    def failure(plan):
        wait = plan.get("retry_after", 1)
        if plan["status"] == 429:
            return (*refusal(429, "Too Many Requests: retry after %d" % wait, retry_after=wait), {"Retry-After": str(wait)})
        return refusal(plan["status"], "Internal Server Error")
