"""A synthetic country and its reports, the same for the same seed; marked as synthetic in every id, name and record."""

from collector.simulate.bulk import Filled, fill
from collector.simulate.computers import Computer, Plan, computers
from collector.simulate.country import MARK, Line, Site, country, sites
from collector.simulate.sending import Sent, deliver, plan_until_yesterday, run, send
from collector.simulate.sessions import envelopes

__all__ = [
    "MARK",
    "Computer",
    "Filled",
    "Line",
    "Plan",
    "Sent",
    "Site",
    "computers",
    "country",
    "deliver",
    "envelopes",
    "fill",
    "plan_until_yesterday",
    "run",
    "send",
    "sites",
]
