"""Dead letters: the records on `reports.rejected`, how they are shown, and how they go back."""
