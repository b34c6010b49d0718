"""Telling others in the same process what has happened, without knowing them."""

from hagworm.extend.event.dispatcher import DispatcherStatistics, EventDispatcher, OnError
from hagworm.extend.event.listener import Listener
from hagworm.extend.event.topic import is_pattern, matches

__all__ = ("DispatcherStatistics", "EventDispatcher", "Listener", "OnError", "is_pattern", "matches")
