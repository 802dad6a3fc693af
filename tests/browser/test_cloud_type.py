"""Three photographs are uploaded, and genus, confidence and heat map read, as a person does it."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cloudcore.photographs.genera import BY_NAME


def _colourful(picture: bytes) -> float:
    """Share of clearly coloured pixels in the lower part of a screenshot."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), int)
    return float((np.ptp(pixels, axis=2) > 40).mean())


def test_three_photographs(app_factory: Callable[..., Any], page: Any, samples: Path) -> None:
    files = [str(samples / "genus" / name) for name in ("Cirrus/Ci-1.jpg", "Stratus/St-2.jpg", "Cumulus/Cu-3.jpg")]
    app = app_factory()
    page.goto(f"{app.url}/cloud_type")
    page.get_by_text("Drop photographs here").wait_for(timeout=120_000)
    page.locator('[data-testid="stFileUploader"] input[type=file]').first.set_input_files(files)
    page.locator(".top-three").wait_for(timeout=120_000)
    for name in ("Ci-1", "St-2", "Cu-3"):
        page.get_by_role("button", name=re.compile(f"· {name}")).wait_for(timeout=120_000)
    page.get_by_role("button", name=re.compile("· Ci-1")).click()
    page.get_by_text("Ci-1.jpg, 224 × 224 px").wait_for(timeout=120_000)
    lines = page.locator(".top-three").inner_text().split("\n")
    assert lines[0] in BY_NAME and re.fullmatch(r"\d+ %", lines[1])
    shares = [int(line.split()[0]) for line in lines if line.endswith("%")]
    assert len(shares) == 3 and shares == sorted(shares, reverse=True) and sum(shares) <= 101
    shown = page.locator(".st-key-photograph img")
    shown.wait_for()
    before = shown.evaluate("image => image.src")
    page.get_by_text("Where it looked", exact=True).click()
    changed = "src => document.querySelector('.st-key-photograph img')?.src !== src"
    page.wait_for_function(changed, arg=before, timeout=120_000)
    page.wait_for_timeout(500)
    assert "looked for" in (shown.get_attribute("alt") or "")
    assert _colourful(shown.screenshot()) > 0.02
    page.get_by_role("button", name="Right", exact=True).click()
    page.get_by_text("Your label:").wait_for(timeout=120_000)
