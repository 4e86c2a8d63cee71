#!/usr/bin/env bash
# The records of leaderboard/results, table by table. docs/evidence.md says why these cells and these seeds.
#
#   leaderboard/boards.sh AUTOPHAGY TABLE [SEEDS]
#
# TABLE is digits, gaussian, mnist, fashion_mnist, cifar10 or threshold. Cells that have a record are skipped, so that it can
# be stopped and started again. SEEDS (0,3-5) are those of the plan that are run, all where it is left out. On one thread the
# bits of a result do not depend on how many cores there are; two cells run side by side, or WORKERS. The images of a task are
# those that `autophagy data TASK` has fetched. RESULTS is where the records go.
set -euo pipefail
if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "boards.sh: give the path of autophagy, a table, and seeds or nothing" >&2
    exit 2
fi
autophagy=$(realpath "$1")
table=$2
asked=${3:-}
cd "$(dirname "$0")/.."
results=$(realpath -m "${RESULTS:-leaderboard/results}")

if ! [[ $asked =~ ^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$ ]]; then
    echo "boards.sh: SEEDS '$asked': give whole numbers from 0 and ranges of them, with commas: 0,3-5" >&2
    exit 2
fi

# The seeds of the plan, by what they are for.
three=0-2 five=0-4 ten=0-9
trend=0-14   # question 3, on digits
filters=0-24 # question 8, on digits
tenth=0-34   # question 4, on digits
biased=0-34  # question 2, on digits

# Print the numbers of lists like 0,3-5, one a line.
numbers() {
    local part
    for part in ${1//,/ }; do seq "${part%-*}" "${part#*-}"; done
}

# Print those of the planned seeds that are asked for, with commas.
chosen() {
    comm -12 <(numbers "$1" | sort) <(numbers "${asked:-$1}" | sort) | sort -n | paste -sd,
}

# run PLANNED OPTIONS...: the cells with those planned seeds that are asked for.
run() {
    local seeds
    seeds=$(chosen "$1")
    shift
    [ -z "$seeds" ] || "$autophagy" run --seeds "$seeds" --device cpu --workers "${WORKERS:-2}" --threads 1 --yes \
        --results "$results" "$@"
}

digits() {
    local plan=$1
    shift
    run "$plan" --task digits --generator ddpm "$@"
}

digits_board() {
    digits "$ten" --loop fully_synthetic --method none,frozen,real_only,random_subset
    digits "$ten" --loop synthetic_augmentation --method none,frozen,real_only,random_subset,realism_filter
    digits "$ten" --loop fresh_data --method none,frozen,real_only
    digits "$ten" --loop synthetic_augmentation --n-synthetic 500 --method "none,frozen,$(one_sided)"
    digits "$ten" --loop fully_synthetic --method teacher,teacher:compute=1.0,entropy_selection,deduplicate,realism_filter
    digits "$ten" --loop fully_synthetic --method verifier,moment_matching,curation,latent_filter,cluster_matching,more_samples
    digits "$ten" --loop fully_synthetic --method self_correction,assisted_correction,assisted_correction:share=1.0
    digits "$ten" --loop fully_synthetic --method neon,sims,density_reweight,likelihood_ranking,discriminator_guidance
    digits "$ten" --loop fully_synthetic --protocol finetune --method none
    digits "$ten" --loop fully_synthetic --sampling-bias 0.5 --method none,frozen,guidance_schedule
    digits "$ten" --loop fully_synthetic --pool accumulated --method none,frozen,accumulate_subsample
    digits "$filters" --loop fully_synthetic --method none,random_subset,verifier,latent_filter,realism_filter
    digits "$trend" --loop fresh_data --method none
    digits "$tenth" --loop fresh_data --n-real 30 --n-synthetic 270 --method none,real_only
    digits "$biased" --loop fully_synthetic --sampling-bias 0.5 --method none
    digits "$five" --loop fresh_data --n-real 30 --n-synthetic 270 --method frozen
    digits "$five" --loop fresh_data --method golden_ratio
    digits "$five" --loop synthetic_augmentation,fresh_data --sampling-bias 0.5 --method none,frozen
    digits "$five" --loop synthetic_augmentation --method golden_ratio,entropy_selection,density_reweight,self_correction
    digits "$five" --loop synthetic_augmentation --method source_flag,ambient
    digits "$five" --loop synthetic_augmentation --pool accumulated --method none,frozen,accumulate_subsample
    digits "$five" --loop synthetic_augmentation --contamination 0.5 \
        --method none,frozen,real_only,oracle_filter,detector,detector:tpr=0.5:fpr=0.5,random_subset,realism_filter
    local stylegan=(--task digits --generator stylegan --generations 3)
    run "$five" "${stylegan[@]}" --loop fully_synthetic --method none,frozen,real_only,discriminator_rejection
    run "$five" "${stylegan[@]}" --loop synthetic_augmentation,fresh_data --method none,frozen,real_only
}

# Question 12: both sides by each rule, separated by commas.
one_sided() {
    local part rule
    for part in real synthetic; do
        for rule in realism spread random; do echo "one_sided_selection:part=$part:rule=$rule"; done
    done | paste -sd,
}

gaussian_board() {
    local points=(--task gaussian --generator gaussian)
    run "$three" "${points[@]}" --generations 10 --loop all --method all
    run "$three" "${points[@]}" --generations 10 --loop all --pool accumulated --method none,frozen,accumulate_subsample
    run "$three" "${points[@]}" --generations 10 --loop fully_synthetic --sampling-bias 0.8 --method none,frozen
    # The paper's sizes.
    points+=(--tier standard --loop fresh_data)
    run "$three" "${points[@]}" --method none,frozen,real_only
    run "$three" "${points[@]}" --n-synthetic 100 --method none,frozen
    run "$three" "${points[@]}" --sampling-bias 0.8 --method frozen,biased_pool
    run "$three" "${points[@]}" --sampling-bias 0.8 --n-synthetic 3200 --method frozen,biased_pool
}

mnist_board() {
    local images=(--task mnist --generator ddpm)
    run "$five" "${images[@]}" --loop all --method none,frozen,real_only
    run "$five" "${images[@]}" --loop fully_synthetic --method random_subset
    run "$five" "${images[@]}" --loop all --sampling-bias 0.5 --method none,frozen
    run "$five" "${images[@]}" --loop fresh_data --n-real 200 --n-synthetic 1800 --method none,real_only
    run "$three" "${images[@]}" --loop fully_synthetic \
        --method verifier,latent_filter,realism_filter,curation,teacher,assisted_correction,deduplicate,density_reweight,more_samples
    run "$three" "${images[@]}" --loop fully_synthetic --method teacher:compute=1.0,assisted_correction:share=1.0,self_correction
    run "$three" "${images[@]}" --loop fully_synthetic \
        --method entropy_selection,moment_matching,cluster_matching,neon,sims,likelihood_ranking,discriminator_guidance
    run "$three" "${images[@]}" --loop synthetic_augmentation --method random_subset,realism_filter
    run "$three" "${images[@]}" --loop fully_synthetic --sampling-bias 0.5 --method guidance_schedule
    run "$three" "${images[@]}" --loop fully_synthetic,synthetic_augmentation --pool accumulated \
        --method none,frozen,accumulate_subsample
    run "$three" --task mnist --generator stylegan --loop fully_synthetic --method none,frozen,real_only
}

# The six methods are those that the rule of docs/evidence.md finds.
fashion_mnist_board() {
    local images=(--task fashion_mnist --generator ddpm)
    run "$ten" "${images[@]}" --loop fully_synthetic --method none,real_only # question 1
    run "$three" "${images[@]}" --loop all --method none,frozen,real_only
    run "$three" "${images[@]}" --loop fully_synthetic \
        --method teacher,assisted_correction:share=1.0,self_correction,realism_filter,latent_filter,moment_matching
    run "$three" --task fashion_mnist --generator stylegan --loop fully_synthetic --method none,frozen
}

cifar10_board() {
    run "$three" --task cifar10 --generator ddpm --loop all --method none,frozen,real_only
}

# How much synthetic data does good, on digits. These cells are a sweep's and not a track's, and lie in a folder of their own.
threshold_board() {
    local folder=${RESULTS:-leaderboard/threshold/digits} seeds
    seeds=$(chosen "$five")
    "$autophagy" threshold --task digits --generator ddpm --n-real 60,150 --n-synthetic 60,150,300,600 --sampling-bias 1,0.5 \
        --generations 8 --last 4 --seeds "$seeds" --device cpu --workers "${WORKERS:-2}" --threads 1 \
        --results "$folder" --out "$folder"
}

case $table in
digits | gaussian | mnist | fashion_mnist | cifar10 | threshold) "${table}_board" ;;
*)
    echo "boards.sh: no table '$table': choose one of digits, gaussian, mnist, fashion_mnist, cifar10, threshold" >&2
    exit 2
    ;;
esac
