"""The loop that keeps the world in step with the ledger: asyncio, no processes, no files."""
