"""What a journal line can say."""
