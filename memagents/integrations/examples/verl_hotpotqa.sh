#!/bin/sh
# MemAgent (arXiv 2507.02259) on HotpotQA by verl 0.9: several conversations an episode, group mean only, token mean.
# Needs GPUs, and in the folder that MEMGYM_DATA names what the recipe memory_agent needs. Not run by us: tests compose
# this configuration and play the agent loop on a CPU.
# Usage: verl_hotpotqa.sh MODEL [OVERRIDE ...]
model=$1
shift
here=$(dirname "$0")
python -c "
from memagents.integrations.verl import write_dataset
write_dataset('hotpotqa_train.parquet', range(8192))
write_dataset('hotpotqa_val.parquet', range(8192, 8320))
"
exec python -m verl.trainer.main_ppo \
    trainer.use_v1=True \
    data.train_files=hotpotqa_train.parquet \
    data.val_files=hotpotqa_val.parquet \
    data.train_batch_size=128 \
    data.max_prompt_length=8192 \
    data.max_response_length=1024 \
    data.shuffle=False \
    algorithm.adv_estimator=grpo \
    algorithm.norm_adv_by_std_in_grpo=False \
    actor_rollout_ref.model.path="$model" \
    actor_rollout_ref.actor.optim.lr=1e-6 \
    actor_rollout_ref.actor.ppo_mini_batch_size=128 \
    actor_rollout_ref.actor.use_dynamic_bsz=True \
    actor_rollout_ref.actor.loss_agg_mode=token-mean \
    actor_rollout_ref.actor.clip_ratio_c=3.0 \
    actor_rollout_ref.actor.use_kl_loss=True \
    actor_rollout_ref.actor.kl_loss_coef=0.001 \
    actor_rollout_ref.actor.kl_loss_type=low_var_kl \
    actor_rollout_ref.rollout.name=vllm \
    actor_rollout_ref.rollout.n=16 \
    actor_rollout_ref.rollout.calculate_log_probs=True \
    actor_rollout_ref.rollout.agent.agent_loop_config_path="$here/verl_loops.yaml" \
    trainer.logger='["console"]' \
    "$@"
