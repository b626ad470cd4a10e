"""Pages of petitions: public, the desk's editor, lifecycle, statistics, paper signatures."""
