"""`deploy-project import`: the files of a deployment, made of an account of dbt Cloud's."""
