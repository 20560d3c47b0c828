"""A small application with an agent: chat, streamed chat, agents to manage, an export."""
