"""What people read after a decision and while it is made: a page, JUnit XML, Markdown, the console."""
