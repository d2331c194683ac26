"""A picture of a phone with notifications, drawn from what Alertmanager sent."""

from __future__ import annotations

import html
import os
import re
from typing import Any

from playwright.sync_api import sync_playwright

from testbed.programs import program

#: CSS pixels; the page is as high as it needs.
_WIDTH, _HEIGHT = 390, 100
_PAGE = """<!doctype html>
<meta charset="utf-8">
<style>
  body { margin: 0; padding: 18px 12px; background: #20263a; color: #f5f6fa;
         font: 15px/1.4 "Liberation Sans", sans-serif; }
  .card { background: #343b52; border-radius: 16px; padding: 12px 14px; margin-bottom: 12px; }
  .app { color: #b9c0d6; font-size: 12px; margin-bottom: 4px; }
  .title { font-weight: bold; overflow-wrap: anywhere; }
  .bar { border-left: 4px solid COLOR; padding-left: 10px; white-space: pre-line;
         overflow-wrap: anywhere; }
  .button { display: inline-block; border: 1px solid #7d86a3; border-radius: 6px;
            padding: 4px 12px; margin: 8px 6px 0 0; font-size: 13px; }
</style>
<div class="card"><div class="app">PagerDuty</div><div class="title">SUMMARY</div></div>
<div class="card"><div class="app">Slack · CHANNEL</div>
  <div class="bar"><span class="title">TITLE</span>
TEXT</div>BUTTONS</div>
"""


def phone(event: dict[str, Any], message: dict[str, Any]) -> bytes:
    """Return the PNG of a lock screen with an event of PagerDuty and a message of Slack."""
    attachment = message["attachments"][0]
    texts = {
        "COLOR": attachment["color"],
        "SUMMARY": html.escape(event["payload"]["summary"]),
        "CHANNEL": html.escape(message["channel"]),
        "TITLE": _of_slack(attachment["title"]),
        "TEXT": _of_slack(attachment["text"].strip()),
        "BUTTONS": "".join(
            f'<span class="button">{html.escape(action["text"])}</span>'
            for action in attachment["actions"]
        ),
    }
    return _drawn(re.sub("|".join(texts), lambda name: texts[name[0]], _PAGE))


def _of_slack(text: str) -> str:
    """Return HTML as Slack shows the text where it knows no time zone."""
    dated = re.sub(r"<!date\^[^|]*\|([^>]*)>", r"\1", text)
    return html.escape(html.unescape(dated))


def _drawn(page: str) -> bytes:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium"),
            args=("--no-sandbox", "--disable-gpu"),
            env={"HOME": os.environ.get("TMPDIR", "/tmp")},
        )
        try:
            tab = browser.new_page(
                viewport={"width": _WIDTH, "height": _HEIGHT}, device_scale_factor=2
            )
            tab.set_content(page)
            return tab.screenshot(full_page=True)
        finally:
            browser.close()
