"""What the services agree on: topics, records, and how they are published and read."""

from vt600_bus.admin import TopicsError, apply_topics
from vt600_bus.dead_letters import DeadLetters
from vt600_bus.facts import facts_of
from vt600_bus.follower import Follower
from vt600_bus.letter_box import LetterBox, StoredLetter
from vt600_bus.publisher import Publisher, PublisherClosed, PublisherFull, RecordTooLarge
from vt600_bus.serde import RecordError, decode, encode
from vt600_bus.settings import KafkaSettings
from vt600_bus.subscriber import Batch, Delivery, Subscriber
from vt600_bus.topics import Topic

__all__ = [
    "Batch",
    "DeadLetters",
    "Delivery",
    "Follower",
    "KafkaSettings",
    "LetterBox",
    "Publisher",
    "PublisherClosed",
    "PublisherFull",
    "RecordError",
    "RecordTooLarge",
    "StoredLetter",
    "Subscriber",
    "Topic",
    "TopicsError",
    "apply_topics",
    "decode",
    "encode",
    "facts_of",
]
