"""Find personal data in text and tables, Chinese and English, without network or model downloads."""
