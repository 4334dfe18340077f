"""For subscribers: typed messages and tables from the public topics, committed records only, without Faust.

`subscribe` follows a topic, `TensionTable` holds a tension table as it is now, `EventsFold` and `newest_events` apply
the rule of (rev, seq) to coded events. A how-to with examples: docs/how-to/subscribe.md.
"""

from streams.client.errors import (
    BrokerAwayError,
    FilterError,
    PositionLostError,
    TopicMissingError,
    UndecodableMessageError,
)
from streams.client.events import EventsFold, newest_events
from streams.client.messages import Message, Positions, RawRecord, RejectedRecord
from streams.client.subscribing import subscribe
from streams.client.subscription import Subscription
from streams.client.tables import TensionTable

__all__ = [
    "BrokerAwayError",
    "EventsFold",
    "FilterError",
    "Message",
    "PositionLostError",
    "Positions",
    "RawRecord",
    "RejectedRecord",
    "Subscription",
    "TensionTable",
    "TopicMissingError",
    "UndecodableMessageError",
    "newest_events",
    "subscribe",
]
