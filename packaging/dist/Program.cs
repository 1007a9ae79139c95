// Only what makes the SDK publish: the programs that run are podagent and podctl.
return 1;
