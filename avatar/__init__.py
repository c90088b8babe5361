"""The avatar model: selfies of one person in, stylised profile pictures out."""
