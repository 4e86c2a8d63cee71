#!/usr/bin/env bash
# The baselines on a laptop: every method on digits (DDPM, tier smoke) in the loops that it is meant for, what needs a
# StyleGAN with that, and on gaussian where it applies. Cells that have a record in leaderboard/results are skipped, so
# it can be stopped and started again.
#
#   leaderboard/smoke_board.sh AUTOPHAGY [SEEDS]
#
# On one thread the bits of a result do not depend on how many cores there are, and several seeds can run side by side.
set -euo pipefail
cd "$(dirname "$0")/.."
autophagy=$1
seeds=${2:-0,1,2}
export OMP_NUM_THREADS=1

run() {
    "$autophagy" run --tier smoke --seeds "$seeds" --device cpu --results leaderboard/results "$@"
}
digits() {
    run --task digits --generator ddpm "$@"
}
gaussian() {
    run --task gaussian --generator gaussian --generations 10 "$@"
}

digits --loop fully_synthetic --method none,frozen,real_only,random_subset,teacher,entropy_selection,deduplicate,realism_filter
digits --loop fully_synthetic --method verifier,moment_matching,curation,latent_filter,cluster_matching,more_samples
digits --loop fully_synthetic --method self_correction,assisted_correction,neon,sims,density_reweight
digits --loop fully_synthetic --protocol finetune --method none
digits --loop fully_synthetic --sampling-bias 0.5 --method none,frozen,guidance_schedule
digits --loop fully_synthetic --pool accumulated --method none,frozen,accumulate_subsample
digits --loop synthetic_augmentation --method none,frozen,real_only,golden_ratio,entropy_selection,realism_filter
digits --loop synthetic_augmentation --method density_reweight,self_correction
digits --loop synthetic_augmentation --pool accumulated --method none,frozen,accumulate_subsample
digits --loop synthetic_augmentation --contamination 0.5 \
    --method none,frozen,real_only,oracle_filter,detector,detector:tpr=0.5:fpr=0.5,random_subset,realism_filter
digits --loop fresh_data --method none,frozen,golden_ratio
run --task digits --generator stylegan --loop fully_synthetic --generations 3 --method none,frozen,discriminator_rejection
gaussian --loop all --method all
gaussian --loop all --pool accumulated --method none,frozen,accumulate_subsample

# What the questions in leaderboard/questions ask besides.
gaussian --loop fully_synthetic --sampling-bias 0.8 --method none,frozen
paper_gaussian() {
    run --task gaussian --generator gaussian --tier standard --loop fresh_data "$@"
}
paper_gaussian --method none,frozen,real_only
paper_gaussian --method none,frozen --n-synthetic 100
paper_gaussian --method frozen,biased_pool --sampling-bias 0.8
paper_gaussian --method frozen,biased_pool --sampling-bias 0.8 --n-synthetic 3200
digits --loop fresh_data --method real_only
digits --loop fresh_data --n-real 30 --n-synthetic 270 --method none,frozen,real_only
digits --loop synthetic_augmentation --method random_subset
digits --loop fully_synthetic --method teacher:compute=1.0,assisted_correction:share=1.0
