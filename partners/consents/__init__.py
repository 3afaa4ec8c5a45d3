"""What webmasters allow third-party tools: consents, and the codes and tokens that come from them."""
