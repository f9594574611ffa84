"""The settings that the official SDK 0.31.0 has, with their defaults there: what `run.settings.NAME` says of the others.

A test compares the list with the installed one.
"""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, Any] = {
    'allow_media_symlink': False,
    'allow_offline_artifacts': True,
    'allow_val_change': False,
    'base_url': 'https://api.wandb.ai',
    'console': 'auto',
    'console_chunk_max_bytes': 0,
    'console_chunk_max_seconds': 0,
    'console_multipart': False,
    'disable_code': False,
    'disable_git': False,
    'disable_git_fork_point': True,
    'disable_job_creation': True,
    'finish_timeout': 0.0,
    'finish_timeout_raises': False,
    'force': False,
    'git_remote': 'origin',
    'heartbeat_seconds': 30,
    'ignore_globs': (),
    'init_timeout': 90.0,
    'insecure_disable_ssl': False,
    'label_disable': False,
    'launch': False,
    'max_end_of_run_history_metrics': 10,
    'max_end_of_run_summary_metrics': 10,
    'mode': 'online',
    'quiet': False,
    'reinit': 'default',
    'relogin': False,
    'resumed': False,
    'sagemaker_disable': False,
    'show_errors': True,
    'show_info': True,
    'show_warnings': True,
    'silent': False,
    'stop_on_fatal_error': False,
    'summary_timeout': 60,
    'summary_warnings': 5,
    'table_raise_on_max_row_limit_exceeded': False,
    'x_cli_only_mode': False,
    'x_disable_machine_info': False,
    'x_disable_meta': False,
    'x_disable_stats': False,
    'x_disable_viewer': False,
    'x_file_stream_no_gzip': True,
    'x_history_value_encoding': 'json',
    'x_internal_check_process': 8.0,
    'x_log_level': 20,
    'x_primary': True,
    'x_save_requirements': True,
    'x_server_side_derived_summary': False,
    'x_service_wait': 30.0,
    'x_skip_transaction_log': False,
    'x_stats_buffer_size': 0,
    'x_stats_coreweave_metadata_base_url': 'http://169.254.169.254',
    'x_stats_coreweave_metadata_endpoint': '/api/v2/cloud-init/meta-data',
    'x_stats_disk_paths': ('/',),
    'x_stats_no_cgroup': False,
    'x_stats_sampling_interval': 15.0,
    'x_stats_self_usage': False,
    'x_stats_track_process_tree': False,
    'x_sync': False,
    'x_sync_dir_suffix': '',
    'x_transaction_log_flush_interval': 15.0,
    'x_update_finish_state': True,
}

UNSET = frozenset(
    """
    anonymous api_key app_url_override azure_account_url_to_access_key capture_loggers code_dir config_paths credentials_file docker email entity fork_from git_commit git_remote_url git_root host http_proxy https_proxy identity_token_file job_name job_source launch_config_path login_timeout notebook_name organization program program_abspath program_relpath project resume resume_from root_dir run_group run_id run_job_type run_name run_notes run_tags save_code settings_system show_colors show_emoji stop_fn strict sweep_id sweep_param_path symlink sync_tensorboard use_dot_wandb username x_executable x_extra_http_headers x_file_stream_max_bytes x_file_stream_max_line_bytes x_file_stream_retry_max x_file_stream_retry_wait_max_seconds x_file_stream_retry_wait_min_seconds x_file_stream_timeout_seconds x_file_stream_transmit_interval x_file_transfer_retry_max x_file_transfer_retry_wait_max_seconds x_file_transfer_retry_wait_min_seconds x_file_transfer_timeout_seconds x_files_dir x_flow_control_custom x_flow_control_disabled x_graphql_retry_max x_graphql_retry_wait_max_seconds x_graphql_retry_wait_min_seconds x_graphql_timeout_seconds x_jupyter_name x_jupyter_path x_jupyter_root x_label x_live_policy_rate_limit x_live_policy_wait_time x_network_buffer x_proxies x_runqueue_item_id x_service_transport x_start_time x_stats_cpu_count x_stats_cpu_logical_count x_stats_dcgm_exporter x_stats_gpu_count x_stats_gpu_device_ids x_stats_gpu_type x_stats_neuron_monitor_config_path x_stats_open_metrics_endpoints x_stats_open_metrics_filters x_stats_open_metrics_http_headers x_stats_pid
    """.split()
)
