"""The report's sections: one table or figure each."""
