"""What the pages share: our canvas, our lens and small widgets. The only package that knows Streamlit."""
