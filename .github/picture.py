"""Take a picture of a leaderboard page: ``python .github/picture.py PAGE.html PICTURE.png [WIDTH [HEIGHT [dark]]]``.

The README's is of ``memgym leaderboard results --html board.html``, 1280 by 1050. It needs Selenium (extra ``dev``) and
Chromium with its driver.
"""

from __future__ import annotations

import base64
import shutil
import sys
from pathlib import Path

from selenium import webdriver


def main(page: str, picture: str, width: str = "1280", height: str = "1050", scheme: str = "light") -> None:
    """Open a page and write what a screen of that size shows of it."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        size = {"width": int(width), "height": int(height), "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(Path(page).resolve().as_uri())
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        Path(picture).write_bytes(base64.b64decode(shot["data"]))
    finally:
        browser.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
