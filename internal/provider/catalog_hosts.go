package provider

import "tidegate/internal/llm"

// hosts serve models of others: clouds, routers, and servers whose address only the user knows.
var hosts = []Row{
	{
		Name: "azure", Title: "Azure OpenAI", Path: "/openai/v1", Auth: AzureKey, Env: []string{"AZURE_OPENAI_API_KEY", "AZURE_API_KEY"},
		Dialect: llm.OpenAIChat, Issuer: "openai",
		Doc: "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle", Seen: "2026-08-31",
	},
	{
		Name: "azure-anthropic", Title: "Claude on Azure", Path: "/anthropic/v1", Auth: XAPIKey, Env: []string{"ANTHROPIC_FOUNDRY_API_KEY"},
		Header: map[string]string{"anthropic-version": "2023-06-01"}, Dialect: llm.Anthropic, Issuer: "anthropic", Prices: "azure",
		Doc: "https://learn.microsoft.com/en-us/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude", Seen: "2026-08-31",
	},
	{
		Name: "openrouter", Title: "OpenRouter", BaseURL: "https://openrouter.ai/api/v1", Auth: Bearer, Env: []string{"OPENROUTER_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "openrouter/auto", Issuer: "openrouter",
		// Recorded: sealed reasoning_details come back from clients and are taken, whoever made them behind it.
		Quirks: llm.Quirks{Thought: "reasoning", Takes: []string{"top_k", "cache_control", "reasoning", "file_url"}},
		Doc:    "https://openrouter.ai/docs/api-reference/chat-completion", Seen: "2026-08-31",
	},
	{
		Name: "vercel", Title: "Vercel AI Gateway", BaseURL: "https://ai-gateway.vercel.sh/v1", Auth: Bearer, Env: []string{"AI_GATEWAY_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "openai/gpt-5.4-mini",
		// Recorded: the cost it states is that of completion and reasoning tokens together, in 12 of 12 replies that reason.
		Quirks: llm.Quirks{ReasoningOutside: true},
		Doc:    "https://vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions", Seen: "2026-08-31",
	},
	{
		Name: "huggingface", Title: "Hugging Face", Aliases: []string{"hf"}, BaseURL: "https://router.huggingface.co/v1", Auth: Bearer,
		Env: []string{"HF_TOKEN", "HUGGINGFACE_API_KEY"}, Dialect: llm.OpenAIChat,
		Doc: "https://huggingface.co/docs/inference-providers/tasks/chat-completion", Seen: "2026-08-31",
	},
	{
		Name: "groq", Title: "Groq", BaseURL: "https://api.groq.com/openai/v1", Auth: Bearer, Env: []string{"GROQ_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "openai/gpt-oss-120b",
		// Recorded: reasoning. The page: 400 for these members.
		Quirks: llm.Quirks{Thought: "reasoning", Drops: []string{"logprobs", "top_logprobs", "logit_bias"}},
		Doc:    "https://console.groq.com/docs/openai", Seen: "2026-11-24",
	},
	{
		Name: "cerebras", Title: "Cerebras", BaseURL: "https://api.cerebras.ai/v1", Auth: Bearer, Env: []string{"CEREBRAS_API_KEY"},
		Dialect: llm.OpenAIChat, Default: "gpt-oss-120b",
		// Recorded: reasoning. The page: developer is only known to gpt-oss-120b, where system means the same, and 400 for the rest.
		Quirks: llm.Quirks{Thought: "reasoning", NoDeveloper: true, Drops: []string{"frequency_penalty", "presence_penalty", "logit_bias"}},
		Doc:    "https://inference-docs.cerebras.ai/resources/openai", Seen: "2026-11-24",
	},
	{
		Name: "together", Title: "Together AI", Aliases: []string{"togetherai"}, BaseURL: "https://api.together.ai/v1", Auth: Bearer,
		Env: []string{"TOGETHER_API_KEY"}, Dialect: llm.OpenAIChat,
		Quirks: llm.Quirks{Thought: "reasoning"}, // recorded behind Hugging Face's router
		Doc:    "https://docs.together.ai/docs/openai-api-compatibility", Seen: "2026-11-24",
	},
	{
		Name: "fireworks", Title: "Fireworks AI", Aliases: []string{"fireworks-ai"}, BaseURL: "https://api.fireworks.ai/inference/v1", Auth: Bearer,
		Env: []string{"FIREWORKS_API_KEY"}, Dialect: llm.OpenAIChat,
		Doc: "https://docs.fireworks.ai/tools-sdks/openai-compatibility", Seen: "2026-07-31",
	},
	{
		Name: "nebius", Title: "Nebius Token Factory", BaseURL: "https://api.tokenfactory.nebius.com/v1", Auth: Bearer, Env: []string{"NEBIUS_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.tokenfactory.nebius.com/", Seen: "2026-07-31",
	},
	{
		Name: "sambanova", Title: "SambaNova", BaseURL: "https://api.sambanova.ai/v1", Auth: Bearer, Env: []string{"SAMBANOVA_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.sambanova.ai/docs/en/features/openai-compatibility", Seen: "2026-11-24",
	},
	{
		Name: "nvidia", Title: "NVIDIA NIM", Aliases: []string{"nim"}, BaseURL: "https://integrate.api.nvidia.com/v1", Auth: Bearer,
		Env: []string{"NVIDIA_API_KEY"}, Dialect: llm.OpenAIChat,
		Doc: "https://docs.api.nvidia.com/nim/reference/llm-apis", Seen: "2026-07-31",
	},
	{
		Name: "deepinfra", Title: "DeepInfra", BaseURL: "https://api.deepinfra.com/v1/openai", Auth: Bearer,
		Env: []string{"DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"}, Dialect: llm.OpenAIChat,
		Doc: "https://deepinfra.com/docs/openai_api", Seen: "2026-07-31",
	},
	{
		Name: "novita", Title: "Novita AI", Aliases: []string{"novita-ai"}, BaseURL: "https://api.novita.ai/openai/v1", Auth: Bearer,
		Env: []string{"NOVITA_API_KEY"}, Dialect: llm.OpenAIChat,
		Doc: "https://novita.ai/docs/guides/llm-api", Seen: "2026-11-24",
	},
	{
		Name: "siliconflow", Title: "SiliconFlow", BaseURL: "https://api.siliconflow.com/v1", Auth: Bearer, Env: []string{"SILICONFLOW_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions", Seen: "2026-07-31",
	},
	{
		Name: "hyperbolic", Title: "Hyperbolic", BaseURL: "https://api.hyperbolic.xyz/v1", Auth: Bearer, Env: []string{"HYPERBOLIC_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.hyperbolic.xyz/docs/inference-api", Seen: "2026-11-24",
	},
	{
		Name: "baseten", Title: "Baseten", BaseURL: "https://inference.baseten.co/v1", Auth: Bearer, Env: []string{"BASETEN_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.baseten.co/inference/model-apis/overview", Seen: "2026-07-31",
	},
	{
		Name: "inference-net", Title: "Inference.net", BaseURL: "https://api.inference.net/v1", Auth: Bearer,
		Env: []string{"INFERENCE_API_KEY", "INFERENCE_NET_API_KEY"}, Dialect: llm.OpenAIChat,
		Doc: "https://docs.inference.net/quickstart", Seen: "2026-11-24",
	},
	{
		Name: "venice", Title: "Venice", BaseURL: "https://api.venice.ai/api/v1", Auth: Bearer, Env: []string{"VENICE_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.venice.ai/api-reference/endpoint/chat/completions", Seen: "2026-08-31",
	},
	{
		Name: "doubleword", Title: "Doubleword", BaseURL: "https://api.doubleword.ai/v1", Auth: Bearer, Env: []string{"DOUBLEWORD_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.doubleword.ai/inference-api/models", Seen: "2026-08-31",
	},
	{
		Name: "avian", Title: "Avian", BaseURL: "https://api.avian.io/v1", Auth: Bearer, Env: []string{"AVIAN_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://avian.io/docs/", Seen: "2026-08-31",
	},
	{
		Name: "chutes", Title: "Chutes", BaseURL: "https://llm.chutes.ai/v1", Auth: Bearer, Env: []string{"CHUTES_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://chutes.ai/docs", Seen: "2026-07-31",
	},
	{
		Name: "friendli", Title: "Friendli", BaseURL: "https://api.friendli.ai/serverless/v1", Auth: Bearer, Env: []string{"FRIENDLI_TOKEN"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://friendli.ai/docs/guides/serverless_endpoints/introduction", Seen: "2026-07-31",
	},
	{
		Name: "wandb", Title: "W&B Inference", BaseURL: "https://api.inference.wandb.ai/v1", Auth: Bearer, Env: []string{"WANDB_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.wandb.ai/guides/integrations/inference/", Seen: "2026-07-31",
	},
	{
		Name: "digitalocean", Title: "DigitalOcean", BaseURL: "https://inference.do-ai.run/v1", Auth: Bearer, Env: []string{"DIGITALOCEAN_ACCESS_TOKEN"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.digitalocean.com/products/gradient-ai-platform/details/models/", Seen: "2026-07-31",
	},
	{
		Name: "ovhcloud", Title: "OVHcloud AI Endpoints", BaseURL: "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", Auth: Bearer,
		Env: []string{"OVHCLOUD_API_KEY", "OVH_AI_ENDPOINTS_ACCESS_TOKEN"}, Dialect: llm.OpenAIChat,
		Doc: "https://www.ovhcloud.com/en/public-cloud/ai-endpoints/catalog/", Seen: "2026-07-31",
	},
	{
		Name: "scaleway", Title: "Scaleway", BaseURL: "https://api.scaleway.ai/v1", Auth: Bearer, Env: []string{"SCALEWAY_API_KEY", "SCW_SECRET_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://www.scaleway.com/en/docs/generative-apis/", Seen: "2026-07-31",
	},
	{
		Name: "stackit", Title: "STACKIT", BaseURL: "https://api.openai-compat.model-serving.eu01.onstackit.cloud/v1", Auth: Bearer,
		Env: []string{"STACKIT_API_KEY"}, Dialect: llm.OpenAIChat,
		Doc: "https://docs.stackit.cloud/products/data-and-ai/ai-model-serving/", Seen: "2026-07-31",
	},
	{
		Name: "ollama-cloud", Title: "Ollama Cloud", BaseURL: "https://ollama.com/v1", Auth: Bearer, Env: []string{"OLLAMA_API_KEY"},
		Dialect: llm.OpenAIChat,
		Quirks:  llm.Quirks{Thought: "reasoning"}, // recorded
		Doc:     "https://docs.ollama.com/cloud", Seen: "2026-08-31",
	},
	{
		Name: "cloudflare", Title: "Cloudflare Workers AI", Auth: Bearer, Env: []string{"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/", Seen: "2026-08-31",
	},
	{
		Name: "databricks", Title: "Databricks", Path: "/serving-endpoints", Auth: Bearer, Env: []string{"DATABRICKS_TOKEN"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.databricks.com/aws/en/machine-learning/model-serving/query-chat-models", Seen: "2026-08-31",
	},
	{
		Name: "snowflake", Title: "Snowflake Cortex", Path: "/api/v2/cortex/v1", Auth: Bearer, Env: []string{"SNOWFLAKE_CORTEX_PAT"},
		Dialect: llm.OpenAIChat,
		Doc:     "https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api", Seen: "2026-08-31",
	},
	{
		Name: "openai-compatible", Title: "Any OpenAI-compatible server", Aliases: []string{"custom"}, Auth: Bearer,
		Env: []string{"OPENAI_COMPATIBLE_API_KEY"}, Dialect: llm.OpenAIChat,
		Doc: "https://developers.openai.com/api/reference/resources/chat", Seen: "2026-08-31",
	},
	{
		Name: "anthropic-compatible", Title: "Any Anthropic-compatible server", Auth: XAPIKey,
		Env: []string{"ANTHROPIC_COMPATIBLE_API_KEY"}, Header: map[string]string{"anthropic-version": "2023-06-01"}, Dialect: llm.Anthropic,
		Doc: "https://platform.claude.com/docs/en/api/messages", Seen: "2026-08-31",
	},
}

// local are servers on the user's own machine, at the addresses they listen on unless told otherwise.
var local = []Row{
	{
		Name: "ollama", Title: "Ollama", BaseURL: "http://127.0.0.1:11434/v1", Path: "/v1", Auth: NoAuth, Local: true, Dialect: llm.OpenAIChat,
		Quirks: llm.Quirks{Thought: "reasoning"}, // recorded
		Doc:    "https://docs.ollama.com/api/openai-compatibility", Seen: "2026-08-31",
	},
	{
		Name: "vllm", Title: "vLLM", BaseURL: "http://127.0.0.1:8000/v1", Path: "/v1", Auth: NoAuth, Local: true, Dialect: llm.OpenAIChat,
		// "reasoning used to be called reasoning_content": docs.vllm.ai/en/stable/features/reasoning_outputs
		Quirks: llm.Quirks{Thought: "reasoning"},
		Doc:    "https://docs.vllm.ai/en/stable/serving/openai_compatible_server/", Seen: "2026-11-24",
	},
	{
		Name: "lmstudio", Title: "LM Studio", BaseURL: "http://127.0.0.1:1234/v1", Path: "/v1", Auth: NoAuth, Local: true, Dialect: llm.OpenAIChat,
		Doc: "https://lmstudio.ai/docs/developer/openai-compat", Seen: "2026-07-31",
	},
	{
		// Its usual port is 8080, which is ours as well: one of the two has to move.
		Name: "llamacpp", Title: "llama.cpp", Aliases: []string{"llama.cpp"}, BaseURL: "http://127.0.0.1:8080/v1", Path: "/v1", Auth: NoAuth, Local: true,
		Dialect: llm.OpenAIChat,
		Doc:     "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md", Seen: "2026-08-31",
	},
	{
		Name: "sglang", Title: "SGLang", BaseURL: "http://127.0.0.1:30000/v1", Path: "/v1", Auth: NoAuth, Local: true, Dialect: llm.OpenAIChat,
		Doc: "https://docs.sglang.ai/basic_usage/openai_api_completions.html", Seen: "2026-11-24",
	},
}
