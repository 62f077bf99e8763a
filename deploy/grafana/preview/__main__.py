"""`python -m deploy.grafana.preview --prometheus URL --out DIR`: pages, and pictures of them."""

import argparse
import shutil
import time
from pathlib import Path

import plotly

from deploy.grafana.preview.asking import Prometheus
from deploy.grafana.preview.data import Looking
from deploy.grafana.preview.page import page
from deploy.grafana.preview.pictures import photograph
from deploy.grafana.reading import Choices, Dashboard, Window


def main() -> None:
    """Draw every dashboard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prometheus", required=True, help="URL of a Prometheus")
    parser.add_argument("--out", type=Path, required=True, help="folder for pages and pictures")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long back")
    parser.add_argument("--end", type=float, default=None, help="until when, seconds since 1970")
    parser.add_argument("--scrape-seconds", type=float, default=5.0)
    parser.add_argument("--deployment", default="credit-risk", help="the one that is looked into")
    parser.add_argument("--browser", default=None, help="chromium; no pictures without")
    asked = parser.parse_args()
    end = asked.end or time.time()
    window = Window(end - 60 * asked.minutes, end, asked.scrape_seconds)
    prometheus = Prometheus(asked.prometheus)
    asked.out.mkdir(parents=True, exist_ok=True)
    script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    shutil.copyfile(script, asked.out / script.name)
    pages = []
    for dashboard in Dashboard.all():
        # A dashboard for one deployment is shown for the one asked for, others for all.
        one = next(v for v in dashboard.variables() if v["name"] == "deployment")
        told = {} if one.get("multi") else {"deployment": asked.deployment}
        choices = Choices().resolve(dashboard, prometheus, window, told)
        file = asked.out / f"{dashboard.name}.html"
        file.write_text(page(dashboard, Looking(prometheus, window, choices)))
        pages.append(file)
    if asked.browser is not None:
        photograph(pages, asked.browser)


if __name__ == "__main__":
    main()
