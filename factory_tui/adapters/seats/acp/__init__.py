"""Any agent that speaks the Agent Client Protocol, in a seat. Nothing here is imported before it is used."""
