"""The regulator's report: a document model, its charts, its pages, its signature."""
