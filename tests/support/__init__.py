"""Things that tests of several folders share: deployments, servers, processes, waiting."""
