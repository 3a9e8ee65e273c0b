"""One family of models a file. Importing a family puts its entries on the shelf."""
