"""Which languages the site has, their codes and catalogues, and lists in the order of a language."""
