"""The demo campaign: an open letter for Internet access in prison, and a play of its first day.

`CAMPAIGN` is the file that `petition petitions create` reads; `petition.demo.runner` signs and confirms it
over HTTP.
"""

from pathlib import Path

CAMPAIGN_FILE: Path = Path(__file__).with_name("internet-en-prison.md")
