"""A browser for the tests of the page: driver.mjs leads Chromium, and these classes lead driver.mjs."""
import json
import pathlib
import subprocess

from house import PATIENCE, GaveUp, wait_for

HERE = pathlib.Path(__file__).resolve().parent
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}


class Refused(AssertionError):
    """The browser could not do what it was told, or what was waited for did not come."""


class Browser:
    def __init__(self):
        self.count = 0
        self.process = subprocess.Popen(["node", str(HERE / "driver.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, page, call, *args):
        self.count += 1
        self.process.stdin.write(json.dumps({"id": self.count, "page": page, "call": call, "args": args}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Refused("the driver ended with %s" % self.process.wait(10))
        answer = json.loads(line)
        assert answer["id"] == self.count
        if "error" in answer:
            raise Refused("%s%r: %s" % (call, args, answer["error"]))
        return answer["result"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class Page:
    """One tab. Its methods are those of Playwright's Page that the tests need; each waits until it can be done, or fails."""

    def __init__(self, browser, url, viewport=None, **options):
        self.browser = browser
        self.url = url
        self.number = browser.call(None, "open", dict({"viewport": viewport or DESK, "patience": PATIENCE * 1000}, **options))

    def do(self, call, *args):
        return self.browser.call(self.number, call, *args)

    def enter(self, token=None, address=""):
        """Opens the page; with a token as one who has signed in before in this tab."""
        if token:
            self.do("addInitScript", {"content": "sessionStorage.getItem('orchd.token') ?? sessionStorage.setItem('orchd.token', %s)"
                                                 % json.dumps(token)})
        self.do("goto", self.url + "/" + address)
        return self

    def wait(self, selector, state="visible"):
        self.do("waitForSelector", selector, {"state": state})

    def wait_gone(self, selector):
        self.wait(selector, "hidden")

    def wait_text(self, selector, text):
        """Until the element's text has this in it."""
        try:
            wait_for(lambda: text in (self.text(selector) or ""))
        except GaveUp as gave_up:
            raise Refused("%s says %r, not %r" % (selector, self.text(selector), text)) from gave_up

    def wait_that(self, expression):
        """Asked from here: the page's policy lets no function be waited for inside it."""
        wait_for(lambda: self.ask(expression), hint=expression)

    def ask(self, expression):
        return self.do("evaluate", expression)

    def text(self, selector):
        return self.ask("document.querySelector(%s)?.textContent" % json.dumps(selector))

    def click(self, selector):
        self.do("click", selector)

    def fill(self, selector, text):
        self.do("fill", selector, text)

    def press(self, *keys):
        for key in keys:
            self.do("keyboard.press", key)

    def picture(self, path, **options):
        self.do("screenshot", dict({"path": str(path)}, **options))

    def close(self):
        """What went wrong in its console."""
        return self.browser.call(self.number, "close")
