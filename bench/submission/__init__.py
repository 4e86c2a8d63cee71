"""The way onto the leaderboard: what is asked of results and methods before they are shown beside others."""
