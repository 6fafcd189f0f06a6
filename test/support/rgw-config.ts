/** Where one Ceph cluster of a monitor, one OSD and one gateway keeps its files, and its ports. */
export interface RgwLayout {
  readonly directory: string;
  readonly libraryDirectory: string;
  readonly fsid: string;
  readonly monitorPort: number;
  readonly port: number;
  readonly tlsPort: number;
}

/**
 * The cluster's ceph.conf. Settings that look odd were found by failure: without `ms_mon_client_mode` the gateway
 * hangs, with the usual auth order every refusal reads AccessDenied, without `rgw_dns_name` https://localhost is
 * taken for a bucket's host name, with the usual waits memory is freed after two hours, and a request that meets a
 * pool in the making is sent again only at the objecter's next tick, usually 5 s.
 */
export function cephConfig(layout: RgwLayout): string {
  const { directory } = layout;
  return `[global]
fsid = ${layout.fsid}
mon_host = v2:127.0.0.1:${layout.monitorPort}/0
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
keyring = ${directory}/keyring
public_network = 127.0.0.0/8
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
ms_bind_msgr1 = false
plugin_dir = ${layout.libraryDirectory}/ceph
erasure_code_dir = ${layout.libraryDirectory}/ceph/erasure-code
osd_class_dir = ${layout.libraryDirectory}/rados-classes
run_dir = ${directory}
crash_dir = ${directory}
admin_socket = ${directory}/$name.asok
log_file = ${directory}/$name.log
log_to_stderr = false
mon_cluster_log_to_file = false
mon_data = ${directory}/mon
osd_data = ${directory}/osd
rgw_data = ${directory}/rgw
mon_allow_pool_size_one = true
mon_data_avail_crit = 0
mon_data_avail_warn = 1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 5000
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
objecter_tick_interval = 0.5
[osd]
osd_objectstore = memstore
memstore_device_bytes = 8589934592
osd_mon_shutdown_timeout = 0.2
osd_op_num_shards = 2
osd_op_num_threads_per_shard = 2
[client]
ms_mon_client_mode = crc
rgw_frontends = beast endpoint=127.0.0.1:${layout.port} ssl_endpoint=127.0.0.1:${layout.tlsPort} ssl_certificate=${directory}/server.crt ssl_private_key=${directory}/server.key
rgw_dns_name = localhost
rgw_enable_ops_log = false
rgw_s3_auth_use_sts = true
rgw_s3_auth_order = local, sts
rgw_sts_key = abcdefghijklmnop
rgw_sts_min_session_duration = 2
rgw_crypt_require_ssl = false
rgw_crypt_s3_kms_backend = testing
rgw_crypt_s3_kms_encryption_keys = testkey-1=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo=
rgw_gc_obj_min_wait = 5
rgw_gc_processor_period = 5
rgw_gc_processor_max_time = 5
rgw_override_bucket_index_max_shards = 1
rgw_dynamic_resharding = false
`;
}
