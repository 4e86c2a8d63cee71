#!/bin/bash
# A grid as an array of SLURM jobs, one GPU each, that share a runs folder:
#
#     sbatch --array=1-8 docs/slurm_array.sh --task cifar10 --tier standard --loop all --method all --seeds 0,1,2
#
# The arguments are those of `autophagy run`. Each job takes its part of the cells (--shard). A job that is preempted, or
# whose time is over, saves what it does and is put back into the queue, and goes on where it was. RUNS must be on storage
# that all machines share; AUTOPHAGY is the command, in the environment that it was installed in.
#SBATCH --job-name=autophagy
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# A minute before the end, to this shell, which hands it on to the run.
#SBATCH --signal=B:TERM@60

export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-4}"

echo "part $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT on $(hostname), attempt $((${SLURM_RESTART_COUNT:-0} + 1))"

# In the background, so that this shell gets the signal while it waits.
"${AUTOPHAGY:-autophagy}" run --runs "${RUNS:-runs}" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" "$@" &
trap 'kill -TERM $! 2>/dev/null' TERM
wait $!
status=$?
# The trap has interrupted the first wait.
if [ $status -gt 128 ]; then
    wait $!
    status=$?
fi

# 143: stopped by SIGTERM, all of it kept.
if [ $status -eq 143 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit $status
