"""What layers/ holds, read and validated: the catalogue of layers and the tables of facts."""
