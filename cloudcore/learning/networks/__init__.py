"""Networks alone: settings in, torch modules out. Every other network comes from a library."""

__all__ = ["cloudnet", "cloudnet_exact", "flip_average", "gated", "photograph_net", "radar_net"]
