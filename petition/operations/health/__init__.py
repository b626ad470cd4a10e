"""Whether mail flows and what else needs somebody: facts, evaluation, the ledger of troubles."""
