# A training in R, which talks to the server over REST through the command line of the shell.
args <- commandArgs(trailingOnly = TRUE)
x <- as.numeric(args[1])
cat(sprintf("loss %.2f\n", (x - 1)^2))
cat(Sys.getenv("MLFLOW_RUN_ID") != "", "\n")
