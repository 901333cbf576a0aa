"""Rules are data; the code here loads them strictly and asks them one question at a time."""
