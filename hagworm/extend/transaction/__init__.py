"""All of it, or none: calls that follow a success, and calls that undo."""

from hagworm.extend.transaction.bookkeeping import Bookkeeping
from hagworm.extend.transaction.ledger import Ledger, State, Step
from hagworm.extend.transaction.transaction import Transaction
from hagworm.extend.transaction.verdict import Failure, attach, raise_failures

__all__ = ("Bookkeeping", "Failure", "Ledger", "State", "Step", "Transaction", "attach", "raise_failures")
